"""Who is at a port, as far as a modem tells without a PIN; which port speaks AT; at which baud rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from hw.at import replies
from hw.at.channel import AtChannel
from hw.errors import AtError, AtTimeout, DeviceMissing, HwError
from hw.gsm.dialects import choose, dialects
from hw.gsm.imei import completed
from hw.gsm.told import Told
from hw.ports import Line, open_port
from hw.serialports import SerialPort, at_ports

#: Rates of modems on a UART, the likely ones first: most, Wavecom's, then upwards and downwards.
RATES = (115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600, 4800)
_KNOCKS, _PATIENCE = 2, 0.6


@dataclass(frozen=True, kw_only=True)
class Found(Told):
    """A modem at a port. sim: the answer to AT+CPIN?, or ""."""

    port: str
    baud: int
    sim: str


@cache
def at_interfaces() -> dict[str, int]:
    """The AT interface by ``vendor:product``, of all families' data files."""
    return {usb: interface for dialect in dialects() for usb, interface in dialect.usb.items()}


def probe(url: str, line: Line | None = None) -> Found:
    """Ask the modem at one port who it is; changes nothing but its echo. Raises HwError; AtTimeout: mute."""
    line = line or Line()
    with _opened(url, line) as channel:
        channel.knock(_KNOCKS, _PATIENCE * 2)
        for command in ("ATE0", "AT+CMEE=1"):
            _try(channel, command)
        manufacturer = replies.free_text(_try(channel, "AT+CGMI"))
        model = replies.free_text(_try(channel, "AT+CGMM"))
        imei = replies.imei(_try(channel, "AT+CGSN"))
        iccids = (replies.iccid(_try(channel, one)) for one in choose(manufacturer, model).iccid)
        numbers = replies.own_numbers(_try(channel, "AT+CNUM"))
        return Found(
            port=url,
            baud=line.baud,
            manufacturer=manufacturer,
            model=model,
            revision=replies.free_text(_try(channel, "AT+CGMR")),
            imei=completed(imei) if imei else None,
            iccid=next((one for one in iccids if one), None),
            imsi=replies.imsi(_try(channel, "AT+CIMI")),
            msisdn=numbers[0] if numbers else None,
            smsc=replies.smsc(_try(channel, "AT+CSCA?")),
            operator=replies.operator(_try(channel, "AT+COPS?")).name,
            sim=replies.sim_state(_try(channel, "AT+CPIN?")) or "",
        )


def probe_stick(ports: Sequence[SerialPort], asked: Callable[[str], Found] = probe) -> Found | None:
    """The modem behind the ttys of one stick, the port that its table names first; None if it is mute."""
    for port in at_ports(list(ports), at_interfaces()):
        try:
            return asked(port.path)
        except DeviceMissing:
            return None  # it was pulled while we asked
        except HwError:
            continue
    return None


def detect_baud(url: str, rates: Iterable[int] = RATES) -> int | None:
    """The rate at which something answers AT, in bits per second. Raises DeviceMissing, PortBusy."""
    for rate in rates:
        with _opened(url, Line(rate)) as channel:
            try:
                channel.knock(_KNOCKS, _PATIENCE)
            except AtTimeout:
                continue
            return rate
    return None


class _opened:
    """A channel for the length of a ``with``."""

    def __init__(self, url: str, line: Line) -> None:
        self._channel = AtChannel(open_port(url, line), on_news=lambda news: None, name=url)

    def __enter__(self) -> AtChannel:
        return self._channel

    def __exit__(self, *_: object) -> None:
        self._channel.close()


def _try(channel: AtChannel, command: str) -> Sequence[str]:
    try:
        return channel.ask(command).lines
    except AtError:
        return ()
