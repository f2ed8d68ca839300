"""The octets of a message as one JSON object: bounded, and tolerant where published samples need it."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from app.core.errors import BadRequest

MAX_BODY = 64 * 1024  # octets
MAX_DEPTH = 64  # objects and lists inside each other

# A string is taken whole, and without giving anything back: also one that never ends, because looking
# for its end again from every quote inside would cost the square of the body's length.
_STRING = r'"(?:[^"\\]|\\.)*+"?'
# Published samples end lists with a comma; commas inside strings stay.
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_BRACKETS = re.compile(rf"{_STRING}|([\[{{])|([\]}}])", re.DOTALL)


def object_of(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    try:
        try:
            message = json.loads(text, parse_float=_finite, parse_constant=_no_constant)
        except json.JSONDecodeError:
            text = _TRAILING_COMMA.sub(r"\1", text)
            message = json.loads(text, parse_float=_finite, parse_constant=_no_constant)
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(message, dict):
        raise BadRequest("the body is not a JSON object")
    return message


def _check_depth(text: str) -> None:
    """Refuses before the parser descends: its own limit is a thousand levels of a thread's small stack."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        if found.lastindex:
            depth += 1 if found.lastindex == 1 else -1
        if depth > MAX_DEPTH:
            raise BadRequest("the body is nested too deeply")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits} has no place in an answer")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
