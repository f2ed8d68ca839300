"""Who a modem says it is, and which SIM it has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a modem tells of itself and its SIM; None or empty where it does not."""

    manufacturer: str
    model: str
    revision: str
    imei: str | None
    iccid: str | None
    imsi: str | None
    msisdn: str | None
    smsc: str | None
    operator: str | None
