#!/bin/bash -eu
# The smallest Debian that has apt, for machines that cannot reach the Pi's archive.
if [ ! -d "$ROOTFS_DIR" ]; then bootstrap "$RELEASE" "$ROOTFS_DIR"; fi
