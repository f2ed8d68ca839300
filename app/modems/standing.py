"""How a modem is doing, as lists, pages and figures show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.modems.ladder import Rung
from app.modems.spec import ModemSpec
from hw.at.replies import Signal
from hw.gsm.start import Identity

OFF = "off"
CONNECTING = "connecting"
READY = "ready"
SEARCHING = "searching"  # up, but not registered in a network
TROUBLE = "trouble"
GONE = "gone"  # its port is not there
PARKED = "parked"  # everything failed; tried again now and then

NO_SIGNAL = Signal(None, None, None, "unknown")


@dataclass(frozen=True, slots=True)
class Internet:
    """A modem's way to the internet. since: Unix seconds; received and sent in octets of this connection."""

    connected: bool
    interface: str = ""
    address: str = ""
    since: float | None = None
    received: int = 0
    sent: int = 0
    why: str = ""


@dataclass(slots=True)
class Standing:
    """Written by the modem's own thread alone; others read whatever is there.

    why: a sentence for any state but ready. port: where it was found, which may differ from the settings.
    """

    state: str = OFF
    why: str = "not started"
    port: str = ""
    identity: Identity | None = None
    operator: str = ""
    signal: Signal = field(default=NO_SIGNAL)
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    rungs: Counter[Rung] = field(default_factory=Counter)
    internet: Internet | None = None


def listing(spec: ModemSpec, standing: Standing) -> Mapping[str, Any]:
    """One entry of ``get-modem-list`` (wire §3)."""
    identity, modem, signal = standing.identity, spec.modem, standing.signal
    return {
        "id": spec.id,
        "name": spec.name,
        "port": standing.port or modem.port,
        "imei": (identity and identity.imei) or modem.imei,
        "imsi": (identity and identity.imsi) or modem.imsi,
        "iccid": (identity and identity.iccid) or modem.iccid,
        "smsCenter": (identity and identity.smsc) or modem.sms_centre,
        "copsOperator": standing.operator or modem.operator,
        "connected": standing.state in (READY, SEARCHING),
        "active": modem.active,
        "defaultModem": modem.default_modem,
        "internetAccess": modem.internet_access,
        "internetConnected": standing.internet is not None and standing.internet.connected,
        "signalStrength": {
            "value": signal.value,
            "rssi": signal.rssi,
            "ber": signal.ber,
            "condition": signal.condition,
        },
    }
