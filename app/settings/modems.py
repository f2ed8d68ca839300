"""Section modems: every modem with its port, its SIM card and what it may carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from app.settings.checks import (
    PARITIES,
    DialString,
    IccidOrNone,
    ImeiOrNone,
    ImsiOrNone,
    MsisdnOrNone,
    MsisdnPrefix,
    PinOrNone,
    SerialPort,
)
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Around, Section

INIT_DIAL = "One AT command sent before dialling, in turn."


class Modem(Section):
    """One modem. Manufacturer to SMS centre are filled in by Detect and may be corrected."""

    about: ClassVar[About] = About(name="modems", title="Modems", reset="RESET_MODEM", many=True, key="name")

    name: str = option(..., "Name", longest=64)
    port: SerialPort = option(..., "Port", help="A device path such as /dev/ttyUSB0, or sim://NAME.")
    active: bool = option(True, "Active")
    default_modem: bool = option(
        False, "Default modem", help="Carries numbers that no modem's prefix matches."
    )
    recipient_prefix: tuple[MsisdnPrefix, ...] = option(
        (), "Recipient prefixes", help="Beginnings of the numbers this modem carries, such as 62811."
    )
    send_sms_from_api: bool = option(True, "Send SMS from API")
    delete_sent_sms: bool = option(True, "Delete sent SMS", help="Frees the SIM card's memory.")
    limit_per_minute: int = option(
        0, "Limit per minute", minimum=0, maximum=10_000, help="0: as the section SMS says."
    )
    limit_per_day: int = option(
        0, "Limit per day", minimum=0, maximum=10_000_000, help="0: as the section SMS says."
    )
    manufacturer: str = option("", "Manufacturer")
    model: str = option("", "Model")
    revision: str = option("", "Revision")
    imei: ImeiOrNone = option("", "IMEI", help="Tells this modem apart, whatever its port is called.")
    imsi: ImsiOrNone = option("", "IMSI")
    iccid: IccidOrNone = option("", "ICCID", help="Number of the SIM card.")
    operator: str = option("", "Operator")
    msisdn: MsisdnOrNone = option("", "MSISDN", help="The SIM card's own number.")
    sms_centre: MsisdnOrNone = option("", "SMS centre", help="Empty: as the SIM card has it.")
    sim_pin: PinOrNone = option("", "SIM card PIN", secret=True, help="Tried once, never again when refused.")
    baud_rate: int = option(115_200, "Baud rate", minimum=300, maximum=4_000_000)
    data_bits: Literal[5, 6, 7, 8] = option(8, "Data bits", choices={5: "5", 6: "6", 7: "7", 8: "8"})
    parity: Literal["N", "E", "O", "M", "S"] = option("N", "Parity", choices=PARITIES)
    stop_bits: float = option(1.0, "Stop bits", choices={1.0: "1", 1.5: "1.5", 2.0: "2"})
    internet_access: bool = option(False, "Internet access", help="Dial in for mobile internet.")
    internet_route: Literal["default", "fallback"] = option(
        "fallback",
        "Internet route",
        choices={"default": "always", "fallback": "only when there is no other"},
    )
    apn: str = option("", "APN", longest=100)
    apn_username: str = option("", "APN username", longest=100)
    apn_password: str = option("", "APN password", secret=True, longest=100)
    dial_number: DialString = option("*99#", "Dial number")
    init_dial_1: str = option("ATZ", "Init dial 1", help=INIT_DIAL)
    init_dial_2: str = option("", "Init dial 2", help=INIT_DIAL)
    init_dial_3: str = option("", "Init dial 3", help=INIT_DIAL)
    init_dial_4: str = option("", "Init dial 4", help=INIT_DIAL)
    init_dial_5: str = option("", "Init dial 5", help=INIT_DIAL)
    dial_command: str = option("ATD", "Dial command", longest=20)

    @property
    def init_strings(self) -> tuple[str, ...]:
        """What is said before dialling, in turn; the empty ones left out."""
        every = (self.init_dial_1, self.init_dial_2, self.init_dial_3, self.init_dial_4, self.init_dial_5)
        return tuple(one for one in every if one)

    @classmethod
    def clashes(cls, items: Mapping[str, Any]) -> Iterable[Finding]:
        owner: dict[str, str] = {}
        for item, modem in items.items():
            first = owner.setdefault(modem.port, item) if modem.active else item
            if first != item:
                yield Finding(
                    ("port",), f"{modem.port} is already the port of the active modem {first}", item
                )

    def cautions(self, around: Around) -> Iterable[Finding]:
        if self.active and not around.port_exists(self.port):
            yield Finding(("port",), f"{self.port} does not exist now: the modem counts as absent")
        if self.default_modem and not self.active:
            yield Finding(("default_modem", "active"), "is the default modem, but is not active")
        if self.default_modem and not self.send_sms_from_api:
            yield Finding(
                ("default_modem", "send_sms_from_api"), "is the default modem, but closed to the API"
            )
        if self.internet_access and not self.apn:
            yield Finding(
                ("apn", "internet_access"), "is empty: few operators give internet access without it"
            )
