"""The card of a device: how to reach it for the first time, as text and as a sheet with QR codes to print."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from app.settings.files import make_folder, read_limited, write_whole

FILE = "card.json"
ADMIN_PORT = 8888


@dataclass(frozen=True)
class Card:
    """What stands on the card. `serial` may be empty; `password` is the access point's."""

    serial: str
    ssid: str
    password: str
    setup_code: str
    address: str = "192.168.0.11"

    @property
    def admin(self) -> str:
        return f"http://{self.address}:{ADMIN_PORT}"

    @property
    def wifi(self) -> str:
        """What a telephone's camera takes as "join this network" (the ZXing convention)."""
        return f"WIFI:T:WPA;S:{_quoted(self.ssid)};P:{_quoted(self.password)};;"


def load(home: Path) -> Card | None:
    """The card of this device, or None where first boot has not made one."""
    try:
        found = json.loads(read_limited(home / FILE))
        return Card(**{name: str(found[name]) for name in Card.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(home: Path, card: Card) -> None:
    """Keep the card, mode 0600; raises OSError."""
    make_folder(home)
    write_whole(home / FILE, (json.dumps(asdict(card), indent=2) + "\n").encode())


def as_text(card: Card) -> str:
    """The card for a boot partition that is read on any computer (lines end as Windows wants them)."""
    lines = [
        "OTP-Pi",
        "",
        f"Wi-Fi         {card.ssid}",
        f"Password      {card.password}",
        f"Set-up code   {card.setup_code}",
        "",
        f"Open          {card.admin}",
        f"or            http://otp-pi.local:{ADMIN_PORT}   (also by cable)",
        "",
        f"Serial number {card.serial or 'unknown'}",
        "",
        "Whoever has this card can set the device up. Keep it; do not leave it in the device.",
    ]
    return "\r\n".join(lines) + "\r\n"


def as_svg(card: Card) -> str:
    """The card to print: two QR codes (join the Wi-Fi, open the pages) and the words beside them."""
    rows = [
        ("Wi-Fi", card.ssid),
        ("Password", card.password),
        ("Set-up code", card.setup_code),
        ("Open", card.admin),
        ("or", f"http://otp-pi.local:{ADMIN_PORT}"),
        ("Serial number", card.serial or "unknown"),
    ]
    words = "".join(
        f'<text x="8" y="{22 + 7 * line}">{escape(label)}</text>'
        f'<text x="40" y="{22 + 7 * line}" class="value">{escape(value)}</text>'
        for line, (label, value) in enumerate(rows)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="148mm" height="105mm" viewBox="0 0 148 105">'
        "<style>text{font:4px sans-serif}.value{font-family:monospace}.title{font-size:7px}</style>"
        '<rect width="148" height="105" fill="#fff"/><text x="8" y="13" class="title">OTP-Pi</text>'
        f"{words}{_qr(card.wifi, 8, 64, 'Join the Wi-Fi')}{_qr(card.admin, 80, 64, 'Open the pages')}</svg>\n"
    )


def _qr(content: str, x: int, y: int, label: str) -> str:
    import segno  # only first boot and the page that prints need it

    code = segno.make(content, error="m", micro=False)
    out = io.BytesIO()
    scale = 34 / code.symbol_size(border=2)[0]
    code.save(out, kind="svg", xmldecl=False, svgns=False, border=2, scale=round(scale, 4), omitsize=True)
    return (
        f'<g transform="translate({x} {y})">{out.getvalue().decode()}</g><text x="{x}" y="{y}">{label}</text>'
    )


def _quoted(text: str) -> str:
    return "".join(f"\\{letter}" if letter in '\\;,":' else letter for letter in text)
