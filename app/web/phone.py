"""The page of a simulated handset: what it received, newest first. Mounted in simulation only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path

from bottle import HTTPResponse

# When (Unix seconds), by which modem, to which number, and the text.
Received = tuple[float, str, str, str]

SHOWN = 50
_STYLE = Path(__file__).with_name("static") / "phone.css"
_HEADERS = {
    # No script at all, nothing from elsewhere, in nobody's frame.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def pages(received: Callable[[], Iterable[Received]]) -> dict[str, Callable[[], HTTPResponse]]:
    """The paths to mount, for ``Api(pages=…)``."""
    return {
        "/phone": lambda: _page("text/html; charset=utf-8", render(received())),
        "/phone.css": lambda: _page("text/css; charset=utf-8", _STYLE.read_text("utf-8")),
    }


def render(received: Iterable[Received]) -> str:
    """The page as HTML, which asks for itself again every two seconds."""
    newest = sorted(received, key=lambda one: one[0], reverse=True)
    bubbles = "".join(_bubble(*one) for one in newest[:SHOWN]) or (
        '<p class="empty">No message yet.<br>Send one with the curl line that <code>make run</code> printed; '
        "it appears here by itself.</p>"
    )
    count = f"{len(newest)} message{'' if len(newest) == 1 else 's'}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="refresh" content="2"><title>Handset · OTP-Pi</title>'
        '<link rel="stylesheet" href="/phone.css"></head><body><main class="phone">'
        f"<header><h1>Messages</h1><p>{count} on the simulated handset</p></header>"
        f'<section class="screen" aria-label="Received messages">{bubbles}</section></main></body></html>'
    )


def _bubble(when: float, modem: str, number: str, text: str) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(when))
    date = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(when))
    return (
        f'<article><p class="to"><b>{escape(number)}</b> <span>by {escape(modem)}</span></p>'
        f'<p class="text">{escape(text)}</p><time datetime="{date}">{clock}</time></article>'
    )


def _page(kind: str, text: str) -> HTTPResponse:
    return HTTPResponse(text.encode("utf-8"), 200, {"Content-Type": kind, **_HEADERS})
