"""What a look at a modem fills into its form: the fields of the settings that the modem itself tells."""

from __future__ import annotations

from typing import Protocol


class Told(Protocol):
    """What `hw.gsm.probe` and the start of a modem both find out; None or empty where it does not tell."""

    @property
    def manufacturer(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def imei(self) -> str | None: ...
    @property
    def imsi(self) -> str | None: ...
    @property
    def iccid(self) -> str | None: ...
    @property
    def operator(self) -> str | None: ...
    @property
    def msisdn(self) -> str | None: ...
    @property
    def smsc(self) -> str | None: ...


def fields_of(told: Told) -> dict[str, str]:
    """By the names of the settings; port and baud rate are known to whoever looked."""
    return {
        "manufacturer": told.manufacturer,
        "model": told.model,
        "revision": told.revision,
        "imei": told.imei or "",
        "imsi": told.imsi or "",
        "iccid": told.iccid or "",
        "operator": told.operator or "",
        "msisdn": told.msisdn or "",
        "sms_centre": told.smsc or "",
    }
