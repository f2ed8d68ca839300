"""The AT dialogue with a modem, from bytes to answers."""
