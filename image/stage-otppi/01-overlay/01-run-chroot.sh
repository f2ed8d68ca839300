#!/bin/bash -eu
# Accounts by sysusers, units by the preset: one list each, in the overlay.
set -eu -o pipefail
systemd-sysusers
preset=/usr/lib/systemd/system-preset/10-otppi.preset
while read -r unit; do
    if [ -e "/usr/lib/systemd/system/$unit" ]; then systemctl --quiet preset "$unit"; fi
done < <(awk '$1 == "enable" || $1 == "disable" { print $2 }' "$preset")
