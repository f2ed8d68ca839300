#!/bin/bash -eu
# The one place that knows Raspberry Pi OS from the Debian base of the boot tests. There: take away what it adds for
# a computer on a desk and a gateway must not have.
if ! dpkg-query -W raspberrypi-sys-mods >/dev/null 2>&1; then exit 0; fi

# Remote access through somebody's cloud, set-up by files on the boot partition, the Pi as a USB network card.
unwanted=()
for package in rpi-connect-lite cloud-init rpi-cloud-init-mods rpi-usb-gadget modemmanager; do
    if dpkg-query -W "$package" >/dev/null 2>&1; then unwanted+=("$package"); fi
done
removed=$(apt-get -s purge "${unwanted[@]}" | awk '/^(Remv|Purg)/ { print $2 }')
if grep -qxE 'raspberrypi-sys-mods|raspi-firmware|network-manager' <<<"$removed"; then
    echo "removing ${unwanted[*]} would take the system with it: $removed" >&2
    exit 1
fi
apt-get -y purge "${unwanted[@]}"

# A person at the screen who names the first user, and host keys: ours are made when SSH is switched on.
for unit in userconfig.service regenerate_ssh_host_keys.service; do
    if [ -e "/usr/lib/systemd/system/$unit" ]; then systemctl disable "$unit"; fi
done
