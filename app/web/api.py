"""The REST interface: one handler for every message path, the status of a message, and health."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import unquote

from bottle import Bottle, HTTPResponse, request

from app import wire
from app.core.commands import (
    AnswerUssd,
    CancelUssd,
    Command,
    RequestOtp,
    RequestUssd,
    SendEmail,
    SendSms,
    Source,
)
from app.core.errors import BadRequest, GatewayError, QueueFull, RateLimited, Unauthorized, UnknownOutcome
from app.core.faults import described
from app.core.gateway import Gateway
from app.core.intake import SYNC_DEADLINE
from app.core.replies import Reply, refusal
from app.web.guard import may
from app.web.signin import Denied, SignIn, User
from app.web.streams import BodyBroken, BodyTooLarge

log = logging.getLogger(__name__)

JSON = "application/json; charset=utf-8"
# Beside the paths of the settings, because some existing clients were written for these.
ALWAYS = ("/api/mail", "/api/blocking", "/api/unblocking")
STATUS = "/api/status/"
# A try that began at the deadline may still take its time, at the modem and in the ledger.
PATIENCE = SYNC_DEADLINE + 90.0
_SLOW = (RequestOtp, SendSms, SendEmail, RequestUssd, AnswerUssd, CancelUssd)

Ready = Callable[[], tuple[bool, str]]
Waiting = Callable[[], AbstractContextManager[bool]]
Page = Callable[[], HTTPResponse]


class Api:
    """What answers on the API's ports.

    waiting(): a context in which the thread may wait for a modem, or False when too many do already.
    ready(): whether a message can be sent now, and if not, why, as a sentence; beside(): what else the
    health answer tells, such as how the brokers are doing.
    pages: further paths, answered to GET and without a user.
    """

    def __init__(
        self,
        gateway: Gateway,
        sign_in: SignIn[User],
        waiting: Waiting,
        ready: Ready,
        pages: Mapping[str, Page] | None = None,
        patience: float = PATIENCE,
        beside: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._gateway = gateway
        self._sign_in = sign_in
        self._waiting = waiting
        self._patience = patience
        self._pages: dict[str, Page] = {
            "/health/live": lambda: _json(200, {"live": True}),
            "/health/ready": lambda: _readiness(ready(), beside()),
            **(pages or {}),
        }
        self._messages = frozenset(ALWAYS)
        self.app = Bottle()
        self.app.route("<path:re:.*>", "ANY", self._answer)
        self.app.default_error_handler = _beyond

    def serve_at(self, paths: Iterable[str]) -> None:
        """Take over the message paths of the settings; exact, and two settings may name the same."""
        self._messages = frozenset((*paths, *ALWAYS))

    def _answer(self, path: str) -> HTTPResponse:
        try:
            method = request.environ["REQUEST_METHOD"]
            # Bottle's own reading of the path leaves out octets that are not UTF-8; ours is exact.
            path = request.environ["bottle.raw_path"]
            if path in self._messages:
                return self._message() if method in ("POST", "PUT") else _not_allowed("POST, PUT")
            page = self._pages.get(path)
            if page is None and not path.startswith(STATUS):
                return _refused(404, BadRequest("there is nothing at this address", reason="not_found"))
            if method not in ("GET", "HEAD"):
                return _not_allowed("GET, HEAD")
            return page() if page is not None else self._status()
        except Exception as error:
            log.error("a request failed with an unforeseen %s", described(error))
            return _unforeseen()

    def _message(self) -> HTTPResponse:
        try:
            user = self._user()
            asked = wire.parse(_body())
            self._admit(user, asked.commands)
        except _Refused as refused:
            return refused.response
        except GatewayError as error:
            status = 413 if error.reason == "too_large" else 400
            return _refused(status, error, error.command if isinstance(error, BadRequest) else "")
        source = Source("rest", user.username)
        if _wants_async(request.environ.get("HTTP_PREFER", "")):
            return self._later(asked, source)
        replies = self._now(asked.commands, source)
        return _response(200, wire.render(replies if asked.batch else replies[0]))

    def _user(self) -> User:
        environ = request.environ
        try:
            return self._sign_in.user(environ.get("HTTP_AUTHORIZATION", ""), environ.get("REMOTE_ADDR", ""))
        except Denied as denied:
            if denied.retry_after:
                raise _Refused(_limited(str(denied), denied.retry_after)) from None
            response = _refused(401, Unauthorized(str(denied)))
            response.set_header("WWW-Authenticate", 'Basic realm="OTP-Pi", charset="UTF-8"')
            raise _Refused(response) from None

    def _admit(self, user: User, commands: Sequence[Command]) -> None:
        forbidden = may(user.allowed_commands, (command.name for command in commands))
        if forbidden:
            error = Unauthorized(f"{forbidden} is not among the commands of this user", reason="not_allowed")
            raise _Refused(_refused(403, error, forbidden))
        if 0 < user.per_minute_limit < len(commands):
            raise BadRequest(
                f"{len(commands)} commands at once are more than the {user.per_minute_limit} a minute "
                "of this user: send them in smaller batches"
            )
        wait = self._sign_in.take(user, len(commands))
        if wait:
            raise _Refused(_limited("this user's limit of commands a minute is reached", wait))

    def _now(self, commands: Sequence[Command], source: Source) -> Sequence[Reply]:
        """Carry out and wait. Nothing is begun when there is no room to wait for it."""
        if not any(isinstance(command, _SLOW) for command in commands):
            return self._gateway.handle_all(commands, source).result(self._patience)
        with self._waiting() as admitted:
            if not admitted:
                full = QueueFull(
                    "too many requests wait for an answer; nothing was done: try again in a moment, "
                    "or ask with Prefer: respond-async"
                )
                return [refusal(command.name, full) for command in commands]
            if len(commands) == 1:
                return [self._outcome(commands[0], self._gateway.handle(commands[0], source))]
            together = self._gateway.handle_all(commands, source)
            try:
                return together.result(self._patience)
            except Late:
                return [refusal(command.name, _too_long()) for command in commands]

    def _outcome(self, command: Command, answer: Future[Reply]) -> Reply:
        try:
            return answer.result(self._patience)
        except Late:
            return refusal(command.name, _too_long())

    def _later(self, asked: wire.Request, source: Source) -> HTTPResponse:
        replies = [self._gateway.take(command, source) for command in asked.commands]
        queued = any(reply.data.get("state") == "queued" for reply in replies)
        response = _response(202 if queued else 200, wire.render(replies if asked.batch else replies[0]))
        response.set_header("Preference-Applied", "respond-async")
        return response

    def _status(self) -> HTTPResponse:
        try:
            user = self._user()
        except _Refused as refused:
            return refused.response
        # The id as it was sent: cheroot's path leaves an escaped slash escaped, and nothing else.
        target = request.environ["REQUEST_URI"].partition("?")[0]
        row = self._gateway.status(Source("rest", user.username), unquote(target[len(STATUS) :]))
        if row is None:
            return _refused(404, BadRequest("this user has no message of that id", reason="not_found"))
        return _json(200, wire.status_json(row))


class _Refused(Exception):
    """The request ends here with this answer."""

    def __init__(self, response: HTTPResponse) -> None:
        super().__init__(response.status_line)
        self.response = response


def _body() -> bytes:
    """The request's body. Raises BadRequest, and TimeoutError when the client is too slow."""
    environ = request.environ
    try:
        body: bytes = environ["wsgi.input"].read(wire.MAX_BODY + 1)
    except BodyTooLarge:
        raise BadRequest(f"the body is larger than {wire.MAX_BODY} octets", reason="too_large") from None
    except BodyBroken as broken:
        raise BadRequest(str(broken)) from None
    except TimeoutError:
        raise _Refused(_refused(408, BadRequest("the body came too slowly", reason="timeout"))) from None
    if len(body) < int(environ.get("CONTENT_LENGTH") or 0):
        raise BadRequest("the body ends before its declared length")
    return body


def _wants_async(prefer: str) -> bool:
    """Whether ``respond-async`` is among the preferences (RFC 7240 §4.1)."""
    if not prefer:
        return False
    return any(one.partition(";")[0].strip().lower() == "respond-async" for one in prefer.split(","))


def _response(status: int, body: bytes) -> HTTPResponse:
    return HTTPResponse(body, status, {"Content-Type": JSON, "Cache-Control": "no-store"})


def _json(status: int, data: Mapping[str, Any]) -> HTTPResponse:
    return _response(status, json.dumps(data, separators=(",", ":")).encode("ascii"))


def _refused(status: int, error: GatewayError, command: str = "") -> HTTPResponse:
    return _response(status, wire.render(refusal(command, error)))


def _not_allowed(methods: str) -> HTTPResponse:
    error = BadRequest(f"this address answers to {methods} only", reason="method_not_allowed")
    response = _refused(405, error)
    response.set_header("Allow", methods)
    return response


def _limited(sentence: str, seconds: int) -> HTTPResponse:
    response = _refused(429, RateLimited(sentence))
    response.set_header("Retry-After", str(seconds))
    return response


def _unforeseen() -> HTTPResponse:
    return _response(
        500, wire.render(Reply("", "1102", {}, "failed", "the gateway met an unforeseen error; see its log"))
    )


def _beyond(error: HTTPResponse) -> bytes:
    """What Bottle refuses before it comes to us, such as a line break in the path."""
    error.set_header("Content-Type", JSON)
    return wire.render(refusal("", BadRequest("there is nothing at this address", reason="not_found")))


def _too_long() -> UnknownOutcome:
    return UnknownOutcome("the outcome is not known yet; ask for the status of the id before sending again")


def _readiness(state: tuple[bool, str], beside: Mapping[str, Any]) -> HTTPResponse:
    ready, why = state
    return (
        _json(200, {"ready": True, **beside}) if ready else _json(503, {"ready": False, "why": why, **beside})
    )
