#!/bin/bash -eu
# Its dependencies are the packages of 00-packages, so dpkg alone will do, and says so if that is not true.
set -eu -o pipefail
dpkg --install /root/otp-pi.deb
rm /root/otp-pi.deb
