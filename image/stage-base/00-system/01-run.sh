#!/bin/bash -eu
# The initramfs holds just what finds the root here: an SD card of a Pi, or a disk of the emulator's virt board.
cat >"$ROOTFS_DIR/etc/initramfs-tools/conf.d/otppi" <<END
MODULES=list
COMPRESS=zstd
COMPRESSLEVEL=1
END
printf '%s\n' sdhci_iproc bcm2835 mmc_block virtio_pci virtio_blk ext4 >>"$ROOTFS_DIR/etc/initramfs-tools/modules"
