"""Section sms: what holds for all short messages, whichever modem carries them."""

from __future__ import annotations

from typing import ClassVar

from app.settings.checks import CallingCode
from app.settings.option import option
from app.settings.section import About, Section


class Sms(Section):
    """Numbers, reports and limits of short messages."""

    about: ClassVar[About] = About(name="sms", title="SMS", reset="RESET_SMS")

    country_code: CallingCode = option(
        "62", "Country code", help="Takes the place of the leading 0 of a number."
    )
    recipient_prefix_length: int = option(
        5,
        "Recipient prefix length",
        minimum=1,
        maximum=15,
        help="Digits the pages propose for a prefix; the longest matching prefix decides all the same.",
    )
    log_outgoing_sms: bool = option(
        False, "Log outgoing SMS", help="One line a message, number masked, never its text."
    )
    monitor_sms_traffic: bool = option(
        True, "Monitor SMS traffic", help="Shows messages moving in the monitor."
    )
    delivery_reports: bool = option(
        False, "Delivery reports", help="Ask the network to report the arrival of each message."
    )
    national_alphabets: bool = option(
        False,
        "National alphabets",
        help="Turkish, Spanish, Portuguese and Indian letters by the tables of GSM where that saves parts;"
        " old handsets show them wrong.",
    )
    limit_per_minute: int = option(
        0,
        "Limit per SIM and minute",
        minimum=0,
        maximum=10_000,
        help="Messages a SIM may send in a minute, unless its modem says otherwise; 0 is no limit.",
    )
    limit_per_day: int = option(
        0,
        "Limit per SIM and day",
        minimum=0,
        maximum=10_000_000,
        help="Messages a SIM may send in a day, unless its modem says otherwise; 0 is no limit.",
    )
