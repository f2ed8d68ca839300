#!/bin/bash -eu
# Starts from the product's own root.
if [ ! -d "$ROOTFS_DIR" ]; then copy_previous; fi
