#!/bin/bash -eu
# Nothing in the image may be the same secret on two devices: no password, no host key, no machine id.
set -eu -o pipefail
for account in root "${FIRST_USER_NAME:-otp}"; do
    if id "$account" >/dev/null 2>&1; then usermod --password '*' "$account"; fi
done
rm -f /etc/ssh/ssh_host_*_key* /var/lib/dbus/machine-id /var/lib/systemd/random-seed
: >/etc/machine-id
# What the first boot after an update would do over again: libraries, catalogues and accounts are in order.
touch -r /usr /etc/.updated /var/.updated
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /var/cache/debconf/*-old /var/lib/dpkg/*-old
