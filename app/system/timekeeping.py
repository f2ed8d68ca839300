"""The clock: zone, time server, time from a browser, and whether it can be trusted."""

from __future__ import annotations

from app.settings.general import General


def timesyncd(general: General) -> str:
    """timesyncd.conf(5), as a drop-in: the time server, and how long it may rest between two looks."""
    lines = ["# Written from the settings of OTP-Pi; a change here is lost.", "[Time]"]
    lines.append(f"NTP={general.ntp_server}")
    if general.update_timer:
        lines.append(f"PollIntervalMaxSec={general.update_timer}h")
    return "\n".join(lines) + "\n"
