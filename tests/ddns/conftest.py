"""What the tests of certificates share: an authority of the test, and a Cloudflare that goes with it."""

from tests.ddns.pebble import cloudflare as cloudflare
from tests.ddns.pebble import pebble as pebble
