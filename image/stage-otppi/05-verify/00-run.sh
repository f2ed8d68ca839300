#!/bin/bash -eu
# Refuses to make an image that lacks something or carries something it must not; says everything that is wrong.
set -o pipefail
shopt -s nullglob
cd "$ROOTFS_DIR"
wrong=()
must() {
    local sentence=$1
    shift
    "$@" || wrong+=("$sentence")
}
no_files() { [ $# = 0 ]; }
no_keys() { [ -z "$(find root home -path '*/.ssh/*' -type f)" ]; }
mode_of() { [ "$(stat -c %a "$1")" = "$2" ]; }

must "there is no user otppi" grep -q '^otppi:' etc/passwd
for group in dialout gpio i2c; do
    must "otppi is not in group $group" grep -qE "^$group:.*[:,]otppi(,|$)" etc/group
done
must "a password is set: $(awk -F: '$2 ~ /^\$/ { print $1 }' etc/shadow | xargs)" \
    [ -z "$(awk -F: '$2 ~ /^\$/ || $2 == ""' etc/shadow)" ]
must "etc/shadow can be read by others" mode_of etc/shadow 640
must "there are SSH host keys" no_files etc/ssh/ssh_host_*
must "the machine id is not empty" [ ! -s etc/machine-id ]
must "somebody's SSH keys are in the image" no_keys
must "the gateway is not enabled" [ -L etc/systemd/system/multi-user.target.wants/otppi.service ]
for unit in ssh hostapd wpa_supplicant; do
    must "$unit is enabled" [ ! -L etc/systemd/system/multi-user.target.wants/$unit.service ]
done
must "the gateway is not installed" [ -d usr/lib/otppi/app ]
must "config.txt does not include otppi.txt" grep -qx 'include otppi.txt' boot/firmware/config.txt
must "ModemManager would take the modems away" [ ! -e usr/sbin/ModemManager ]

if [ ${#wrong[@]} != 0 ]; then
    printf 'the root is not fit for an image: %s\n' "${wrong[@]}" >&2
    exit 1
fi
