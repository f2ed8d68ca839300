"""About: which version this is, how another one comes onto the device, and whose work is in it."""

from __future__ import annotations

from pathlib import Path

from bottle import HTTPResponse

from app.web.admin import statics
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit

# In the package it is where Debian has it; in a checkout, at the top.
_OWN = (Path("/usr/share/doc/otp-pi/copyright"), Path(__file__).parents[4] / "LICENSE")
_OTHERS = statics.FOLDER / "vendor" / "LICENSES.txt"
_THEIR_NAMES = "htmx, Pico.css, uPlot"
_INSTALL = "apt install ./otp-pi_VERSION_all.deb"


def about(visit: Visit) -> HTTPResponse:
    own = next((path for path in reversed(_OWN) if path.exists()), None)
    licences = {"OTP-Pi": _text(own), _THEIR_NAMES: _text(_OTHERS)}
    return visit.page("about.html", version=visit.house.version, licences=licences, install=_INSTALL)


def _text(path: Path | None) -> str:
    try:
        return path.read_text("utf-8") if path is not None else ""
    except OSError:
        return ""


routes = [Route("GET", "/system/about", about, VIEWER, place="system")]
