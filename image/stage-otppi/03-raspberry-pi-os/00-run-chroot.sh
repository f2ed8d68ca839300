#!/bin/bash -eu
# The one place that knows Raspberry Pi OS from the Debian base of the boot tests. Here: take away what it adds to
# a desk computer and a gateway must not have.
if ! dpkg-query -W raspberrypi-sys-mods >/dev/null 2>&1; then exit 0; fi

# Swap files on the card (rpi-swap), remote access through somebody's cloud, set-up by cloud-init, USB gadget mode.
apt-get -y purge rpi-swap rpi-connect-lite cloud-init rpi-cloud-init-mods rpi-usb-gadget modemmanager udisks2 bluez
apt-get -y autoremove --purge

# Services of the desk that wait for a person or change what the device owns.
for unit in userconfig.service regenerate_ssh_host_keys.service apt-listchanges.timer; do
    if [ -e "/usr/lib/systemd/system/$unit" ]; then systemctl disable "$unit"; fi
done
