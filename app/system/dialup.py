"""What pppd and chat are told to dial with one modem: rendered from its settings, nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from app.settings.modems import Modem

#: Metric of the way to the internet that is only used when there is no other.
FALLBACK_METRIC = 700
_PLAIN = re.compile(r"[A-Za-z0-9 +=,*#;&_./:@?!()-]")


@dataclass(frozen=True, slots=True)
class DialPlan:
    """One modem's dialling. interface: how the network card will be called, 15 characters at the most."""

    interface: str
    port: str
    baud: int
    apn: str
    username: str
    password: str = field(repr=False)
    number: str
    command: str
    init: tuple[str, ...]
    default_route: bool

    @classmethod
    def of(cls, item: str, modem: Modem, port: str) -> DialPlan:
        return cls(
            interface=interface_of(item),
            port=port,
            baud=modem.baud_rate,
            apn=modem.apn,
            username=modem.apn_username,
            password=modem.apn_password,
            number=modem.dial_number,
            command=modem.dial_command,
            init=modem.init_strings,
            default_route=modem.internet_route == "default",
        )


def interface_of(item: str) -> str:
    """``ppp-`` and the modem's id, as far as a network card's name goes: 15 characters."""
    return "ppp-" + re.sub(r"[^A-Za-z0-9_-]", "-", item)[:11]


def chat_script(plan: DialPlan) -> str:
    """What chat(8) says to the modem: init strings in turn, the APN, then the call."""
    lines = [
        *(f"ABORT {quoted(word)}" for word in ("BUSY", "NO CARRIER", "NO DIALTONE", "NO ANSWER", "ERROR")),
        "TIMEOUT 10",
        '"" "AT"',
        *(f"OK {quoted(one)}" for one in plan.init),
    ]
    if plan.apn:
        lines.append(f"OK {quoted(at_context(plan.apn))}")
    lines += ["TIMEOUT 60", f"OK {quoted(plan.command + plan.number)}", 'CONNECT ""']
    return "\n".join(lines) + "\n"


def at_context(apn: str) -> str:
    """The packet context with its access point (27.007 §10.1.1). Raises ValueError for what ends a string."""
    if any(sign in '"\\' or not sign.isprintable() or not sign.isascii() for sign in apn):
        raise ValueError("the APN holds a character that no APN has")
    return f'AT+CGDCONT=1,"IP","{apn}"'


def pppd_options(plan: DialPlan, chat: Path) -> str:
    """The options file of pppd(8); it holds the password, so it is written 0600."""
    lines = [
        plan.port,
        str(plan.baud),
        f"connect {quoted(f'/usr/sbin/chat -s -f {chat}')}",
        f"ifname {plan.interface}",
        f"linkname {plan.interface}",
        "nodetach",
        "noauth",
        "hide-password",
        "noipdefault",
        "nopersist",
        "maxfail 1",
        "modem",
        "noccp",
        "novj",
        "lcp-echo-interval 20",
        "lcp-echo-failure 4",
    ]
    if plan.username:
        lines += [f"user {quoted(plan.username)}"]
    if plan.password:
        lines += [f"password {quoted(plan.password)}"]
    # Name servers are taken by whoever looks after the device's name service, and only for a default route.
    lines += ["defaultroute", "usepeerdns"] if plan.default_route else []
    if not plan.default_route:
        lines += ["defaultroute", f"defaultroute-metric {FALLBACK_METRIC}"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A word for chat and pppd. What is not plain is written in octal, so that ``^C`` stays two characters.

    Raises ValueError for line ends and what is not ASCII: neither belongs in a command to a modem.
    """
    if any(not " " <= sign <= "~" for sign in text):
        raise ValueError("a value for dialling holds a control character or is not ASCII")
    return '"' + "".join(sign if _PLAIN.fullmatch(sign) else f"\\{ord(sign):03o}" for sign in text) + '"'
