#!/bin/bash -eu
# Starts from the stage before, whichever base that was.
if [ ! -d "$ROOTFS_DIR" ]; then copy_previous; fi
