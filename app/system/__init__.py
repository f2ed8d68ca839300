"""What the device does besides messages: network, clock, firewall, power, first boot, reset stick.

Two sides. The service asks the system over D-Bus as the unprivileged user `otppi` (`dbus`, `network`,
`timekeeping`, `power`); what only root may do, small units do when asked (`configure`, `firstboot`, `reset`),
each from the settings, never from what the service hands them. Where neither is to be had (a desk, a machine
that is somebody's own), `recorded` notes what would have been done.
"""
