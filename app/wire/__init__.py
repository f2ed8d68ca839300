"""JSON to commands and replies to JSON: the one message format of HTTP and of every broker."""

from __future__ import annotations

from app.wire.body import MAX_BODY, MAX_DEPTH
from app.wire.replies import as_json, render, report_json, status_json
from app.wire.requests import MAX_BATCH, Request, parse, return_address
from app.wire.shapes import SHAPES, labels

__all__ = [
    "MAX_BATCH",
    "MAX_BODY",
    "MAX_DEPTH",
    "SHAPES",
    "Request",
    "as_json",
    "labels",
    "parse",
    "render",
    "report_json",
    "return_address",
    "status_json",
]
