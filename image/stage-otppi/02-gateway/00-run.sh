#!/bin/bash -eu
# The gateway itself, as the package that also updates a device later.
set -o pipefail
tree=$(cd ../../.. && pwd)
# This tree's and no other: a test may have built a higher version.
package=$tree/dist/otp-pi_$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$tree/app/__init__.py")_all.deb
if [ ! -e "$package" ]; then
    echo "there is no $package: run scripts/build-deb first" >&2
    exit 1
fi
install -m 644 "$package" "$ROOTFS_DIR/root/otp-pi.deb"
