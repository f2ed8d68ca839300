"""What the network brings to a simulated modem: messages, delivery reports, registration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from hw.gsm.messages import Submit
from hw.gsm.pdu import encode_deliver, encode_status_report
from hw.sim.card import Kept, SimCard
from hw.sim.families import Family
from hw.sim.wire import Wire


class Receiving(Wire):
    """The incoming side: stores or shows what comes, as AT+CNMI asked for."""

    def __init__(self, make: Family, card: SimCard, steady: Callable[[], float]) -> None:
        super().__init__(make.noise, steady)
        self.family = make
        self.card = card
        self.news_mode = [0, 0, 0, 0, 0]
        self.stores = [make.stores[0]] * 3
        self.creg_mode = {"+CREG": 0, "+CGREG": 0, "+CEREG": 0}
        self.registered = 1
        self.report_status = 0
        self.other_stores: dict[str, dict[int, Kept]] = {}  # by name, such as SR for delivery reports

    @property
    def readable(self) -> dict[int, Kept]:
        """The messages of the store that was chosen for reading and deleting (27.005 §3.2.2)."""
        return self.other_stores.get(self.stores[0], self.card.kept)

    def report(self, message: Submit, reference: int) -> None:
        now = datetime.now(UTC)
        status, smsc = self.report_status, self.card.smsc
        pdu = encode_status_report(message.address.number, reference, now, now, status=status, smsc=smsc)
        if self.news_mode[3] == 1:
            self._say_two("+CDS: ", pdu)
        elif self.news_mode[3] == 2:
            self.say(f'+CDSI: "SR",{reference}')

    def sms_in(self, sender: str, text: str, *, sent: datetime | None = None, reference: int = 1) -> None:
        """Somebody writes to this SIM."""
        when = sent or datetime.now(UTC).replace(microsecond=0)
        for pdu in encode_deliver(sender, text, when, smsc=self.card.smsc, reference=reference):
            self.pdu_in(pdu)

    def pdu_in(self, pdu: str) -> None:
        """The network delivers a PDU (hex with the SMSC field), well-formed or not."""
        with self.changed:
            mode = self.news_mode[1]
            if mode in (2, 3):
                self._say_two("+CMT: ,", pdu)
                return
            index = self.card.keep(pdu, self.family.first_index)
            if index is None:
                self.say("+SMS FULL" if self.family.name != "huawei" else '^SMMEMFULL: "SM"')
            elif mode == 1:
                self.say(f'+CMTI: "{self.stores[2]}",{index}')

    def _say_two(self, header: str, pdu: str) -> None:
        length, body = Kept(0, pdu).lines
        self.say(f"{header}{length}\r\n{body}")

    def register(self, stat: int) -> None:
        """The network takes the modem in, or throws it out (27.007 §7.2)."""
        with self.changed:
            self.registered = stat
            for name, mode in self.creg_mode.items():
                if mode:
                    self.say(f"{name}: {stat}" + (',"84CD","00D30173"' if mode == 2 else ""))
