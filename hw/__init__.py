"""Drivers for modems, ports, clock, buzzer and stick; they know nothing of the gateway."""
