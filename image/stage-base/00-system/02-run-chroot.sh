#!/bin/bash -eu
# The one initramfs, built once everything it wants is there.
update-initramfs -c -k all
