"""Ports for servers that are started a moment later."""

from __future__ import annotations

import socket
from random import SystemRandom

# From here on kernels take the ports of outgoing connections (ip_local_port_range): one of those could have a
# port between the moment it is chosen and the moment its server opens it.
_EPHEMERAL = 32768
_LOWEST = 10240
_given: set[int] = set()


def free_port() -> int:
    """A port that nobody has, on any address; never the same twice, hardly ever another process's."""
    while True:
        port = SystemRandom().randrange(_LOWEST, _EPHEMERAL)
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
