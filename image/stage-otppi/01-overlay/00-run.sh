#!/bin/bash -eu
# Lays rootfs-overlay, an exact mirror of the device's /, over the root; all of it root's, nobody else may write.
set -o pipefail
overlay=$(cd ../../../rootfs-overlay && pwd)
tar -c --owner=0 --group=0 --numeric-owner --mode=u+rwX,go=rX -C "$overlay" . |
    tar -x --no-overwrite-dir --keep-directory-symlink -C "$ROOTFS_DIR"

config=$ROOTFS_DIR/boot/firmware/config.txt
grep -qsx 'include otppi.txt' "$config" || printf '\n[all]\ninclude otppi.txt\n' >>"$config"
