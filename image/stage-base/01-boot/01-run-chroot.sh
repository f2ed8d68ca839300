#!/bin/bash -eu
# The user pi-gen makes before our stage; the stage locks it.
set -eu -o pipefail
id otp >/dev/null 2>&1 || useradd --create-home --shell /bin/bash otp
