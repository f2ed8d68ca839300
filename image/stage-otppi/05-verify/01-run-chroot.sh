#!/bin/bash -eu
# The gateway's code loads with the libraries of this very root.
cd /usr/lib/otppi
if [ -e app/main.py ]; then python3 -c 'import app.main'; fi
python3 -c '
import argon2, bottle, cheroot.wsgi, cryptography, dbus_next, gpiozero, paho.mqtt.client, phonenumbers, pika
import prometheus_client, proton, pydantic, pyudev, redis, segno, serial, smbus2, stomp, websocket, aiosmtpd.controller'
