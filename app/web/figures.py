"""``/metrics`` on the API's ports, for a collector on this device alone; elsewhere there is no such page."""

from __future__ import annotations

from collections.abc import Callable

from bottle import HTTPResponse, request

from app.core import peers
from app.core.errors import BadRequest
from app.core.replies import refusal
from app.wire import render as rendered


def pages(render: Callable[[], bytes], content_type: str) -> dict[str, Callable[[], HTTPResponse]]:
    """The path to mount, for ``Api(pages=…)``; render() gives the body."""

    def answer() -> HTTPResponse:
        if not peers.is_here(request.environ.get("REMOTE_ADDR", "")):
            refused = refusal("", BadRequest("there is nothing at this address", reason="not_found"))
            return HTTPResponse(rendered(refused), 404, {"Content-Type": "application/json; charset=utf-8"})
        return HTTPResponse(render(), 200, {"Content-Type": content_type, "Cache-Control": "no-store"})

    return {"/metrics": answer}
