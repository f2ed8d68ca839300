"""The admin's door: finds the route, asks who is there, checks role, token and origin, and answers safely."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import quote

from bottle import Bottle, HTTPError, HTTPResponse, request

from app.core import peers
from app.core.faults import described
from app.settings.general import General
from app.settings.network import Wlan
from app.settings.problems import SettingsError
from app.settings.sms import Sms
from app.settings.users import User
from app.web.admin import language, statics
from app.web.admin.clockface import ClockFace
from app.web.admin.house import House
from app.web.admin.live import Live
from app.web.admin.pages import ROUTES
from app.web.admin.people import People
from app.web.admin.routes import ADMINISTRATOR, PUBLIC, Route, Table, may
from app.web.admin.sessions import LONGEST, MOST_NOTICES, Session, Sessions
from app.web.admin.strangers import Strangers
from app.web.admin.tokens import Tokens
from app.web.admin.visit import SIGNS, Asked, Visit

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: it would make the browser's Origin "null" for our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# What Bottle says of a form it cannot read, by status.
UNREADABLE = {
    400: "This form cannot be read. Load the page again, then send it.",
    408: "The form came too slowly. Send it again.",
    413: "That is larger than this page takes.",
}
FOR_EVER = "public, max-age=31536000, immutable"


class Door:
    """https(): the port that serves the pages by HTTPS now; 0 while it is not open, None if not wanted.

    Where it is wanted, HTTP is answered within the access point's network, as the settings have it now, and
    on the device itself; all others are led to HTTPS.

    waiting(): a context in which a thread does not count as one that serves, or False when too many wait: for
    streams, and for passwords that stand in line to be checked.
    """

    def __init__(
        self,
        house: House,
        https: Callable[[], int | None] = lambda: None,
        people: People | None = None,
        waiting: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(True),
    ) -> None:
        self.house = house
        self._https = https
        clock = house.clock
        self.people = people or People(house.store, clock.wall, clock.steady)
        self.sessions = Sessions(clock.steady)
        self.tokens = Tokens()
        self.strangers = Strangers(clock.steady)
        self.live = Live(house.events, clock.steady, lambda: house.store.one(Sms).monitor_sms_traffic)
        self.clockface = ClockFace(house.machine, clock)
        self.table = Table(ROUTES)
        self.waiting = waiting
        self.app = Bottle()
        self.app.route("<path:re:.*>", "ANY", self._answer)
        self.app.default_error_handler = self._beyond

    def stop(self) -> None:
        self.live.stop()

    def _answer(self, path: str) -> HTTPResponse:
        visit = self._visit(Asked(request.environ))
        try:
            response = self._served(visit, request.environ["bottle.raw_path"])
        except HTTPError as error:
            response = _refused(visit, error.status_code, UNREADABLE.get(error.status_code, UNREADABLE[400]))
        except SettingsError as error:
            response = visit.page("error.html", 409, title=visit.t("Not saved"), why=visit.t(str(error)))
        except Exception as error:
            log.error("a page failed with an unforeseen %s", described(error))
            response = visit.page(
                "error.html", 500, title=visit.t("Something went wrong"), why=visit.t("The log says where.")
            )
        for name, value in {**HEADERS, **visit.headers}.items():
            response.set_header(name, value)
        return response

    def _served(self, visit: Visit, path: str) -> HTTPResponse:
        method = visit.request.environ["REQUEST_METHOD"]
        method = "GET" if method == "HEAD" else method
        if path.startswith("/static/"):
            return _static(visit, path)
        if moved := self._to_https(visit, path):
            return moved
        methods, places = self.table.find(path)
        route = methods.get(method)
        if route is None:
            return _nothing(visit, list(methods))
        self._recognise(visit, route)
        here = {name: text for name, text in places.items() if f"<{name}>" in route.path}
        return self._refusal(visit, route, path) or route.handler(visit, **here)

    def _visit(self, came: Asked) -> Visit:
        secure = came.environ.get("wsgi.url_scheme") == "https"
        visit = Visit(self, came, secure)
        visit.cookie = visit.cookies.get(visitor_cookie(secure), "")
        visit.lang = language.chosen(
            visit.cookies.get("language", ""),
            came.environ.get("HTTP_ACCEPT_LANGUAGE", ""),
            self.house.store.one(General).language,
        )
        return visit

    def _recognise(self, visit: Visit, route: Route) -> None:
        """Who is there, by the session's cookie; a visitor without one gets a cookie for the tokens."""
        visit.place = route.place
        session = self.sessions.find(visit.cookies.get(session_cookie(visit.secure), ""), not route.quiet)
        user = self.people.usable(session.item) if session else None
        if session and user and session.mark == user.password:
            visit.session, visit.user, visit.cookie = session, user, session.id
        elif session:
            self.sessions.end(session)
        if visit.session is None and not 20 <= len(visit.cookie) <= 60:
            visit.cookie = secrets.token_urlsafe(18)
            self.set_cookie(visit, visitor_cookie(visit.secure), visit.cookie)

    def _refusal(self, visit: Visit, route: Route, path: str) -> HTTPResponse | None:
        """The answer to a request that goes no further, or None."""
        if route.needs != PUBLIC:
            if visit.session is None:
                return self._to_sign_in(visit, route, path)
            if not may(visit.role, route.needs):
                why = visit.t("Your role does not allow this. Ask an administrator.")
                return visit.page("error.html", 403, title=visit.t("Not allowed"), why=why)
        if route.method == "GET":
            return None
        environ = visit.request.environ
        if "HTTP_TRANSFER_ENCODING" in environ:
            return _refused(visit, 411, "Forms come with their length.")
        if int(environ.get("CONTENT_LENGTH") or 0) > route.body:
            return _refused(visit, 413, UNREADABLE[413])
        if not self._own_origin(visit):
            return _refused(visit, 403, "This request came from another site and was not carried out.")
        if not self.tokens.fits(visit.text("csrf-token"), visit.cookie):
            return _refused(visit, 403, "This form is too old. Load the page again, then send it.")
        return None

    def _to_sign_in(self, visit: Visit, route: Route, path: str) -> HTTPResponse:
        if route.method != "GET" or visit.live or route.quiet:
            response = _refused(visit, 401, "You are signed out. Sign in again.")
            response.set_header("HX-Refresh", "true")
            return response
        if not self.people.users():
            return visit.go("/setup")
        return visit.go("/login" if path == "/" else f"/login?next={quote(path, safe='/')}")

    def _own_origin(self, visit: Visit) -> bool:
        """Browsers send Origin with every form (Fetch §3.2); what comes without it is no browser's form."""
        environ = visit.request.environ
        scheme = "https" if visit.secure else "http"
        return bool(environ.get("HTTP_ORIGIN") == f"{scheme}://{environ.get('HTTP_HOST', '')}")

    def _to_https(self, visit: Visit, path: str) -> HTTPResponse | None:
        port = None if visit.secure else self._https()
        if port is None or self._may_be_plain(visit.address):
            return None
        if not port:
            response = _refused(
                visit,
                503,
                "From here these pages are served by HTTPS only, which is not open now. "
                "Try again in a minute, or join the device's own Wi-Fi.",
            )
            response.set_header("Retry-After", "30")
            return response
        name = self.host(visit)
        if not name:
            return _refused(visit, 400, "This page is served by HTTPS only.")
        asked = f"?{visit.request.query_string}".rstrip("?")
        target = f"https://{name}:{port}{quote(path, safe='/')}{quote(asked, safe=SIGNS)}"
        return HTTPResponse(b"", 307 if visit.request.method == "GET" else 303, {"Location": target})

    def _may_be_plain(self, address: str) -> bool:
        """Whether it is the device's own, or one of the access point's network as it is now."""
        client = peers.parsed(address)
        return client is not None and (client.is_loopback or client in self.house.store.one(Wlan).network)

    # What handlers ask of the door.

    def begin(self, visit: Visit, item: str) -> None:
        """Sign a user in: a session with a new id, whatever cookie came."""
        user = self.people.users()[item]
        if visit.session is not None:
            self.sessions.end(visit.session)
        agent = visit.request.environ.get("HTTP_USER_AGENT", "")
        visit.session = self.sessions.begin(item, user.password, visit.address, agent)
        visit.user = user
        self.set_cookie(visit, session_cookie(visit.secure), visit.session.id, int(LONGEST))
        visit.note("signed-in")

    def end(self, visit: Visit) -> None:
        if visit.session is not None:
            visit.note("signed-out")
            self.sessions.end(visit.session)
        self.set_cookie(visit, session_cookie(visit.secure), "", 0)

    def administrators(self) -> list[str]:
        """Names of the administrators who are signed in, one a session."""
        return [user.username for _, user in self._at_work()]

    def tell_administrators(self, text: str) -> int:
        """A notice for each session of an administrator; how many. Open pages show it at once."""
        told = [session for session, _ in self._at_work() if len(session.notices) < MOST_NOTICES]
        for session in told:
            session.notices.append(("note", text, ()))
        self.live.tell()
        return len(told)

    def _at_work(self) -> list[tuple[Session, User]]:
        found = ((session, self.people.usable(session.item)) for session in self.sessions.all())
        return [(session, user) for session, user in found if user and user.role == ADMINISTRATOR]

    def host(self, visit: Visit) -> str:
        """The name by which the visitor reached this device, without the port; "" for what is none."""
        host = visit.request.environ.get("HTTP_HOST", "")
        name = host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]
        good = name.isascii() and all(sign.isalnum() or sign in ".-_[]:" for sign in name)
        return name if good else ""

    def patient(self, stream: Iterator[bytes]) -> Iterator[bytes]:
        """A stream that leaves its thread's place in the pool to others while it goes on."""
        with self.waiting():
            yield from stream

    def set_cookie(self, visit: Visit, name: str, value: str, seconds: int = 0) -> None:
        """One cookie for the answer; the last one set counts."""
        life = "; Max-Age=0" if not value else f"; Max-Age={seconds}" if seconds else ""
        secure = "; Secure" if visit.secure else ""
        visit.headers["Set-Cookie"] = f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{life}"

    def _beyond(self, error: HTTPResponse) -> bytes:
        """What Bottle refuses before it comes to us."""
        for name, value in {**HEADERS, "Content-Type": "text/plain; charset=utf-8"}.items():
            error.set_header(name, value)
        return b"there is nothing at this address"


def session_cookie(secure: bool) -> str:
    return "__Host-otppi" if secure else "otppi"


def visitor_cookie(secure: bool) -> str:
    return "__Host-visitor" if secure else "visitor"


def _static(visit: Visit, path: str) -> HTTPResponse:
    found = statics.file(path)
    if found is None:
        return HTTPResponse(b"", 404, {"Content-Type": "text/plain"})
    headers: dict[str, Any] = {
        "Content-Type": found.kind,
        "Cache-Control": FOR_EVER,
        "Vary": "Accept-Encoding",
    }
    if visit.takes_gzip:
        return HTTPResponse(found.packed, 200, {**headers, "Content-Encoding": "gzip"})
    return HTTPResponse(found.plain, 200, headers)


def _nothing(visit: Visit, methods: Sequence[str]) -> HTTPResponse:
    if methods:
        response = _refused(visit, 405, "This address is for another kind of request.")
        response.set_header("Allow", ", ".join(sorted(methods)))
        return response
    return visit.nothing()


def _refused(visit: Visit, status: int, why: str) -> HTTPResponse:
    return visit.page("error.html", status, title=visit.t("Not done"), why=visit.t(why))
