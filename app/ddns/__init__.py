"""Dynamic DNS: names that follow the device's public address, and certificates for them."""
