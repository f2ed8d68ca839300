#!/bin/bash -eu
# The one initramfs, built once everything it wants is there.
set -eu -o pipefail
update-initramfs -c -k all
