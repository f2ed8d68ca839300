"""``/metrics`` on the API's ports, for a collector on this device alone; elsewhere there is no such page."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from bottle import HTTPResponse, request

from app.core.errors import BadRequest
from app.core.replies import refusal
from app.wire import render as rendered


def page(render: Callable[[], bytes], content_type: str) -> Callable[[], HTTPResponse]:
    """The page, for ``Api(pages=…)``; render() gives its body."""

    def answer() -> HTTPResponse:
        if not _is_here(request.environ.get("REMOTE_ADDR", "")):
            refused = refusal("", BadRequest("there is nothing at this address", reason="not_found"))
            return HTTPResponse(rendered(refused), 404, {"Content-Type": "application/json; charset=utf-8"})
        return HTTPResponse(render(), 200, {"Content-Type": content_type, "Cache-Control": "no-store"})

    return answer


def _is_here(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
