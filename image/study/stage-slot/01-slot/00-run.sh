#!/bin/bash -eu
# Makes the root into one of two slots: nothing in it is ever written, what has to last lies on the data partition.
set -o pipefail
tar -c --owner=0 --group=0 --numeric-owner --mode=u+rwX,go=rX -C files . |
    tar -x --no-overwrite-dir --keep-directory-symlink -C "$ROOTFS_DIR"

# No line for /: overlayroot leaves a table alone that has none.
cat >"$ROOTFS_DIR/etc/fstab" <<END
proc /proc proc defaults 0 0
LABEL=bootfs /boot/firmware vfat defaults,noatime 0 2
LABEL=data /data ext4 defaults,noatime 0 2
END
while read -r place name; do
    echo "/data/$name $place none bind 0 0" >>"$ROOTFS_DIR/etc/fstab"
    mkdir -p "$ROOTFS_DIR$place"
done < <(grep -v '^#' "$STAGE_DIR/../lasting")
mkdir -p "$ROOTFS_DIR/data"
