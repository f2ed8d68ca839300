"""The device's image in QEMU: boards, power, plugs and a root shell, with the image itself left as it is."""
