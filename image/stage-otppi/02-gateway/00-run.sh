#!/bin/bash -eu
# The gateway itself, as the package that also updates a device later.
set -o pipefail
dist=$(cd ../../.. && pwd)/dist
package=$(find "$dist" -maxdepth 1 -name 'otp-pi_*.deb' 2>/dev/null | sort -V | tail -n 1 || true)
if [ -z "$package" ]; then
    echo "no otp-pi_*.deb in $dist: run scripts/build-deb first" >&2
    exit 1
fi
install -m 644 "$package" "$ROOTFS_DIR/root/otp-pi.deb"
