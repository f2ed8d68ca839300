"""One request to the admin: who came, what was given, and the ways to answer."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bottle import BaseRequest, FileUpload, FormsDict, HTTPError, HTTPResponse

from app.settings.users import User
from app.web.admin import language, render
from app.web.admin.appliance import Trial
from app.web.admin.house import House
from app.web.admin.routes import ADMINISTRATOR
from app.web.admin.sessions import MOST_NOTICES, Session

if TYPE_CHECKING:
    from app.web.admin.door import Door

_SMALL = 600  # octets that are not worth packing
SIGNS = "/?&=%:,;@+~!$'()*"  # that stand in an address as they are
_UPLOAD = 8 * 1024 * 1024


class Asked(BaseRequest):  # type: ignore[misc]  # Bottle has no types
    """A request whose form is kept in memory whole: the door lets in what a page takes, and no more.

    With less than that Bottle takes a long text for a file, and refuses a long form without files.
    """

    MEMFILE_MAX = _UPLOAD


def digits(text: str) -> str:
    """What somebody typed to find a number by: as in the lists, without the 0 that stands for the country."""
    plain = "".join(text.split()).replace("-", "").lstrip("+")[:20]
    return plain[1:] if plain.startswith("0") and len(plain) > 6 else plain


@dataclass
class Visit:
    """cookie: what the visitor's tokens are bound to. secure: it came by HTTPS."""

    door: Door
    request: Asked
    secure: bool
    lang: str = "en"
    cookie: str = ""
    session: Session | None = None
    user: User | None = None
    place: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def house(self) -> House:
        return self.door.house

    @property
    def address(self) -> str:
        return str(self.request.environ.get("REMOTE_ADDR", ""))

    @property
    def name(self) -> str:
        """Who is signed in, for the audit; "" for nobody."""
        return self.user.username if self.user else ""

    @property
    def role(self) -> str:
        return self.user.role if self.user else ""

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """As they came: another program's, with whatever signs it likes, turn nobody away."""
        pairs = (one.partition("=") for one in self.request.environ.get("HTTP_COOKIE", "").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs}

    @cached_property
    def form(self) -> Mapping[str, Sequence[str]]:
        """The fields of the form that came, as text. Raises HTTPError as `_posted` does."""
        return _texts(self._posted, self._posted.recode_unicode)

    @cached_property
    def _posted(self) -> FormsDict:
        """The form as Bottle reads it. Raises HTTPError when it came too slowly or is none."""
        try:
            return self.request.POST
        except TimeoutError as error:
            raise HTTPError(408) from error
        except (OSError, UnicodeError, LookupError) as error:
            raise HTTPError(400) from error

    def text(self, name: str, default: str = "") -> str:
        """One field of the form."""
        texts = self.form.get(name)
        return texts[-1] if texts else default

    def asked(self, name: str, default: str = "") -> str:
        """One field of the address's query."""
        texts = self._query.get(name)
        return texts[-1] if texts else default

    @cached_property
    def _query(self) -> Mapping[str, Sequence[str]]:
        return _texts(self.request.query)

    def number(self, name: str, least: int = 0, most: int = 2**53) -> int:
        """A number of the query; the least where there is none."""
        text = self.asked(name)
        return min(max(int(text), least), most) if text.isdecimal() and len(text) < 16 else least

    def upload(self, name: str) -> bytes:
        """A file that came with the form; empty when none did."""
        part = self._posted.get(name)
        return part.file.read(_UPLOAD) if isinstance(part, FileUpload) else b""

    def t(self, text: str, **values: object) -> str:
        """A sentence in the visitor's language."""
        said = language.translated(self.lang, text)
        return said % values if values else said

    def page(self, template: str, status: int = 200, **values: Any) -> HTTPResponse:
        """A rendered page, or a part of one."""
        html = render.page(template, self, values).encode("utf-8")
        return self.send(html, "text/html; charset=utf-8", status)

    def nothing(self, why: str = "") -> HTTPResponse:
        """What is asked for is not there; why: a sentence in the visitor's language, else that of a page."""
        why = why or self.t("There is no such page.")
        return self.page("error.html", 404, title=self.t("Nothing here"), why=why)

    def send(self, body: bytes, kind: str, status: int = 200, name: str = "") -> HTTPResponse:
        """Octets of a kind; with a name, to be kept as a file."""
        headers = {"Content-Type": kind, "Cache-Control": "no-store", "Vary": "Cookie, Accept-Encoding"}
        if name:
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        if len(body) > _SMALL and self.takes_gzip:
            body = gzip.compress(body, 5, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return HTTPResponse(body, status, headers)

    def go(self, path: str, notice: str = "", kind: str = "good") -> HTTPResponse:
        """On to another page of ours; the notice is shown there."""
        if notice:
            self.tell(notice, kind)
        # What is no sign of an address goes as %XX: an item's name may hold anything.
        place = quote(path, safe=SIGNS)
        return HTTPResponse(b"", 303, {"Location": place, "Cache-Control": "no-store"})

    def tell(self, notice: str, kind: str = "good", lines: Sequence[str] = ()) -> None:
        """A notice for the next page; kind: good, note or bad; lines: what was said on the way."""
        if self.session is not None and len(self.session.notices) < MOST_NOTICES:
            self.session.notices.append((kind, notice, tuple(lines)))

    def notices(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The notices to show now, each once."""
        if self.session is None or not self.session.notices:
            return []
        waiting, self.session.notices = self.session.notices, []
        return waiting

    def note(self, what: str, detail: str = "", who: str = "") -> None:
        """Put something into the audit."""
        house = self.house
        house.audit.note(house.clock.wall(), who or self.name or "-", self.address, what, detail)

    @property
    def trial(self) -> Trial | None:
        """The change that waits for a confirmation, for whom it concerns."""
        trial = self.house.machine.trial
        return trial if trial.waiting and self.role == ADMINISTRATOR else None

    @property
    def takes_gzip(self) -> bool:
        return "gzip" in self.request.environ.get("HTTP_ACCEPT_ENCODING", "")

    @property
    def live(self) -> bool:
        """Whether a part of a page is asked for by the page itself."""
        return bool(self.request.environ.get("HTTP_HX_REQUEST") == "true")


def _texts(found: FormsDict, raw: bool = True) -> dict[str, list[str]]:
    """Bottle's fields as text. raw: their octets stand as Latin-1; what is not UTF-8 is shown as such."""
    texts: dict[str, list[str]] = {}
    for name, value in found.allitems():
        if not isinstance(value, FileUpload):
            texts.setdefault(_text(name, raw), []).append(_text(value, raw))
    return texts


def _text(text: str, raw: bool) -> str:
    return text.encode("latin-1").decode("utf-8", "replace") if raw else text
