#!/bin/bash -eu
# What Raspberry Pi OS has at this point: a name, a file system table, a boot partition with its two text files.
# BOOTDEV and ROOTDEV become partition ids when the image is made.
echo "$TARGET_HOSTNAME" >"$ROOTFS_DIR/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$TARGET_HOSTNAME" >"$ROOTFS_DIR/etc/hosts"
install -d "$ROOTFS_DIR/boot/firmware"
cat >"$ROOTFS_DIR/etc/fstab" <<END
proc /proc proc defaults 0 0
BOOTDEV /boot/firmware vfat defaults 0 2
ROOTDEV / ext4 defaults,noatime 0 1
END
echo 'console=serial0,115200 console=tty1 root=ROOTDEV rootfstype=ext4 fsck.repair=yes rootwait' \
    >"$ROOTFS_DIR/boot/firmware/cmdline.txt"
cat >"$ROOTFS_DIR/boot/firmware/config.txt" <<END
arm_64bit=1
kernel=vmlinuz
initramfs initrd.img followkernel
END
cp "$ROOTFS_DIR"/boot/vmlinuz-* "$ROOTFS_DIR/boot/firmware/vmlinuz"
cp "$ROOTFS_DIR"/boot/initrd.img-* "$ROOTFS_DIR/boot/firmware/initrd.img"
cp "$ROOTFS_DIR"/usr/lib/linux-image-*/broadcom/bcm2*-rpi-*.dtb "$ROOTFS_DIR/boot/firmware/"
