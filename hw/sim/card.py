"""A simulated SIM card: its numbers, its PIN with tries, its messages."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Kept:
    """A message in the store. status: 0 unread, 1 read, 2 unsent, 3 sent (27.005 §3.1)."""

    status: int
    pdu: str = field(repr=False)

    @property
    def lines(self) -> tuple[int, str]:
        """What +CMGR, +CMGL, +CMT and +CDS announce (octets without the SMSC field), and the PDU."""
        return len(self.pdu) // 2 - 1 - int(self.pdu[:2] or "0", 16), self.pdu


@dataclass
class SimCard:
    """What is printed on the card and kept on it.

    pin: None means that none is asked. capacity: places for messages; indices from first_index.
    """

    iccid: str = "8962100000000000017"
    imsi: str = "510100000000001"
    number: str = "+62811000001"
    smsc: str = "+6281100000"
    operator: str = "TSEL"
    plmn: str = "51010"
    pin: str | None = None
    puk: str = "12345678"
    tries: int = 3
    capacity: int = 30
    verified: bool = False
    kept: dict[int, Kept] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """The answer to AT+CPIN?."""
        if self.tries <= 0:
            return "SIM PUK"
        return "READY" if self.pin is None or self.verified else "SIM PIN"

    def verify(self, pin: str) -> bool:
        """Give the PIN; a wrong one costs a try."""
        if self.tries <= 0:
            return False
        if pin == self.pin:
            self.tries, self.verified = 3, True
            return True
        self.tries -= 1
        return False

    def unblock(self, puk: str, new_pin: str) -> bool:
        """Give the PUK and a new PIN."""
        if puk != self.puk:
            return False
        self.pin, self.tries, self.verified = new_pin, 3, True
        return True

    def keep(self, pdu: str, first_index: int, status: int = 0) -> int | None:
        """Put a message into the lowest free place; None when the store is full."""
        for index in range(first_index, first_index + self.capacity):
            if index not in self.kept:
                self.kept[index] = Kept(status, pdu)
                return index
        return None


def numbered(index: int) -> SimCard:
    """A card that differs from all others of the same world by its index (0 to 9,999)."""
    return SimCard(
        iccid=f"896210000000000{index:04d}",
        imsi=f"51010000000{index:04d}",
        number=f"+6281100{index:04d}",
    )
