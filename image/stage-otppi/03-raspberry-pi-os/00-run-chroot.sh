#!/bin/bash -eu
# The one place that knows Raspberry Pi OS from the Debian base of the boot tests. There: take away what it adds for
# a computer on a desk and a gateway must not have. (What its units would do at the first start is masked in the overlay.)
set -eu -o pipefail
if ! dpkg-query -W raspberrypi-sys-mods >/dev/null 2>&1; then
    # A Pi's own initramfs makes the root take the whole card; here the first start does, by the unit of the pages' button.
    install -d /etc/systemd/system/otppi-firstboot.service.d
    printf '[Service]\nExecStartPost=+/usr/bin/systemctl start --no-block otppi-expand.service\n' \
        >/etc/systemd/system/otppi-firstboot.service.d/whole-card.conf
    exit 0
fi

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
# Its questions, if it had any, would be answered by the rest of this script: bash reads it from the same place.
DEBIAN_FRONTEND=noninteractive apt-get -y purge "${unwanted[@]}" </dev/null
