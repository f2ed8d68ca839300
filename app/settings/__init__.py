"""Every option of the device, declared once."""
