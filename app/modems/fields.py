"""What a look at a modem fills into its form: the fields of the settings that the modem itself tells."""

from __future__ import annotations

from hw.gsm.told import Told


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
