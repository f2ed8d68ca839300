# U-Boot's part of two slots in turn, made into boot.scr by image/study/make: starts the first slot of BOOT_ORDER that
# has tries left and takes one away. The slot's system gives them back when it is well; RAUC changes the order.
# Counters lie in the file uboot.env beside this script, in the form of fw_setenv, with words for the kernel.
setenv boot ${devtype} ${devnum}:${distro_bootpart}
setenv env_size 0x4000
if load ${boot} ${loadaddr} uboot.env; then
    env import -c ${loadaddr} ${env_size} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT words
fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3

setenv slot
for one in ${BOOT_ORDER}; do
    if test -n "${slot}"; then
        echo
    elif test "${one}" = "A" -a ${BOOT_A_LEFT} -gt 0; then
        setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
        setenv slot A
        setenv number 2
    elif test "${one}" = "B" -a ${BOOT_B_LEFT} -gt 0; then
        setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
        setenv slot B
        setenv number 3
    fi
done
# Neither is left: both once more, rather than a device that stays dark.
if test -z "${slot}"; then
    setenv BOOT_A_LEFT 3
    setenv BOOT_B_LEFT 3
fi
env export -c -s ${env_size} ${loadaddr} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT words
fatwrite ${boot} ${loadaddr} uboot.env ${env_size}
if test -z "${slot}"; then
    reset
fi

echo "slot ${slot}: A has ${BOOT_A_LEFT} tries left, B has ${BOOT_B_LEFT}"
# No word "ro": the initramfs mounts the slot read-only by itself, and overlayroot would take the word for its overlay.
part uuid ${devtype} ${devnum}:${number} uuid
setenv bootargs root=PARTUUID=${uuid} rootfstype=ext4 rootwait panic=-1 rauc.slot=${slot} ${words}
load ${devtype} ${devnum}:${number} ${kernel_addr_r} /boot/vmlinuz
load ${devtype} ${devnum}:${number} ${ramdisk_addr_r} /boot/initrd.img
booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}
# What cannot even be loaded has had its try.
reset
