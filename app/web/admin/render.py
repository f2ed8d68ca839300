"""Templates to pages: escaped by default, translated, with what every page needs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.web.admin import language, statics
from app.web.admin.places import PLACES
from app.web.admin.routes import may

if TYPE_CHECKING:
    from app.web.admin.visit import Visit

TEMPLATES = Path(__file__).with_name("templates")


@cache
def environment(lang: str) -> Environment:
    """One environment a language; a name that a template does not know is an error, not an empty place."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: language.translated(lang, text),
        lambda one, many, n: language.translated(lang, one if n == 1 else many),
        newstyle=True,
    )
    made.filters |= {
        "say": lambda text: language.translated(lang, str(text)),
        "clock": clock,
        "moment": moment,
        "size": size,
    }
    made.globals |= {
        "static": statics.addresses(),
        "places": PLACES,
        "lang": lang,
        "languages": language.LANGUAGES,
        "may": may,
    }
    return made


def page(template: str, visit: Visit, values: Mapping[str, Any]) -> str:
    """The page as HTML. Each form has the visitor's token from ``token()``."""
    return (
        environment(visit.lang)
        .get_template(template)
        .render(
            visit=visit,
            token=lambda: (
                Markup('<input type="hidden" name="csrf-token" value="%s">')
                % visit.door.tokens.make(visit.cookie)
            ),
            may_do=lambda needs: may(visit.role, needs),
            **values,
        )
    )


def clock(at: float | None) -> str:
    """Local time of day, with the date when it is not today."""
    if not at:
        return "–"
    told, now = time.localtime(at), time.localtime()
    same = told[:3] == now[:3]
    return time.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M:%S", told)


def size(octets: float) -> str:
    """``1.2 MB``: a traffic's octets as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if octets < 1000 or unit == "GB":
            break
        octets /= 1000
    return f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.1f} {unit}"


def moment(at: float) -> str:
    """For machines, in the ``datetime`` of a ``time``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(at))
