#!/bin/bash -eu
# The user pi-gen makes before our stage; the stage locks it.
id otp >/dev/null 2>&1 || useradd --create-home --shell /bin/bash otp
