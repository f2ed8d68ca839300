#!/bin/bash -eu
# The gateway itself: its Debian package from dist/, or the tree as it lies here while there is no package.
set -o pipefail
tree=$(cd ../../.. && pwd)
package=$(find "$tree" -maxdepth 2 -path '*/dist/otp-pi_*.deb' | sort -V | tail -n 1)
rm -f "$ROOTFS_DIR/root/otp-pi.deb"
if [ -n "$package" ]; then
    install -m 644 "$package" "$ROOTFS_DIR/root/otp-pi.deb"
    exit 0
fi
rm -rf "$ROOTFS_DIR/usr/lib/otppi"
install -d "$ROOTFS_DIR/usr/lib/otppi"
tar -c --owner=0 --group=0 --mode=u+rwX,go=rX --exclude=__pycache__ -C "$tree" app hw |
    tar -x -C "$ROOTFS_DIR/usr/lib/otppi"
