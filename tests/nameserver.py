"""A small name server over UDP, for tests that ask the DNS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Mapping, Sequence

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

#: Records by name (with its last dot) and type; an empty list: the name is there, without such a record.
Zone = Mapping[tuple[str, str], Sequence[str]]


class NameServer:
    """Answers from ``zone``, which may be exchanged at any time; what is not in it does not exist.

    silent: names about which it says nothing at all.
    """

    def __init__(
        self, zone: Zone, address: str = "127.0.0.1", port: int = 0, silent: Collection[str] = ()
    ) -> None:
        self.zone = zone
        self._silent = silent
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                octets, client = self._socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(octets)
            name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
            if name in self._silent:
                continue
            found = self.zone.get((name, kind))
            answer = dns.message.make_response(query)
            if found is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif found:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
            self._socket.sendto(answer.to_wire(), client)

    def close(self) -> None:
        self._socket.close()
