"""What the broker answers over plain HTTP: refusals before the upgrade, health and metrics."""

import json
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response

from .doorman import Verdict

_JSON = "application/json; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


def unauthorized(verdict: Verdict) -> Response:
    """401, or 429 for who keeps guessing, or 503 while too many passwords wait to be checked."""
    if verdict is Verdict.GUESSING:
        response = refusal(
            HTTPStatus.TOO_MANY_REQUESTS, "1100", "rate_limited", "too many wrong logins; wait a minute"
        )
        response.headers["Retry-After"] = "60"
        return response
    if verdict is Verdict.BUSY:
        return busy("too many logins at once")
    response = refusal(
        HTTPStatus.UNAUTHORIZED, "1100", "unauthorized", "user or password is missing or wrong"
    )
    response.headers["WWW-Authenticate"] = 'Basic realm="otp-broker", charset="UTF-8"'
    return response


def busy(why: str) -> Response:
    response = refusal(HTTPStatus.SERVICE_UNAVAILABLE, "1102", "busy", why)
    response.headers["Retry-After"] = "5"
    return response


def refusal(status: HTTPStatus, code: str, reason: str, error: str) -> Response:
    """A refusal in the words of the wire: `response_code`, `reason`, `error`."""
    body = {"response_code": code, "reason": reason, "error": error}
    return _response(status, json.dumps(body) + "\n", _JSON)


def health(trouble: str, clients: int, topics: int) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK
    body = {"status": trouble or "ok", "clients": clients, "topics": topics}
    return _response(status, json.dumps(body) + "\n", _JSON)


def metrics(text: str) -> Response:
    return _response(HTTPStatus.OK, text, _METRICS)


def _response(status: HTTPStatus, text: str, kind: str) -> Response:
    body = text.encode()
    headers = Headers(
        [
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("Content-Type", kind),
            ("Cache-Control", "no-store"),
        ]
    )
    return Response(status.value, status.phrase, headers, body)
