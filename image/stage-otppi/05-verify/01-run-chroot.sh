#!/bin/bash -eu
# The gateway's code loads with the libraries of this very root.
set -eu -o pipefail
cd /usr/lib/otppi
if [ -e app/main.py ]; then python3 -c 'import app.main'; fi
python3 -c '
import argon2, bottle, cheroot.wsgi, cryptography, dbus_next, gpiozero, paho.mqtt.client, phonenumbers, pika
import prometheus_client, proton, pydantic, pyudev, redis, segno, serial, smbus2, stomp, websocket, aiosmtpd.controller'

# The first start of the Pi's image presets every unit: it must find nothing to enable.
links() { find /etc/systemd/system -type l | LC_ALL=C sort; }
before=$(links)
systemctl --quiet preset-all --preset-mode=enable-only
if [ "$(links)" != "$before" ]; then
    echo "the root is not fit for an image: its first start would enable more:" >&2
    diff <(echo "$before") <(links) >&2
    exit 1
fi
