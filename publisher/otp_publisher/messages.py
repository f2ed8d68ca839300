"""The messages of the wire: one envelope for every command, written as the device reads them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import ConfigError


def envelope(command: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """`{"command", "data"}`, without the fields that hold nothing."""
    return {"command": command, "data": {key: value for key, value in data.items() if value is not None}}


def with_callback(message: Mapping[str, Any], topic: str, delay_ms: int) -> dict[str, Any]:
    """The same message, answered on `topic` after `delay_ms`."""
    return {**message, "callback_topic": topic, "callback_delay": delay_ms}


def encode(message: Mapping[str, Any]) -> str:
    """JSON in plain ASCII, as the older clients write it, so that no transport can break a letter."""
    return json.dumps(message, separators=(",", ":"))


def numbered(params: Sequence[object]) -> dict[str, str]:
    """`param1` to `param4`; always all four, because they are part of what a code is bound to."""
    if isinstance(params, str) or len(params) > 4:
        raise ConfigError("params is a list of at most four values")
    padded = [str(value) for value in params] + [""] * (4 - len(params))
    return {f"param{index}": value for index, value in enumerate(padded, 1)}


def filled(message_format: str, code: str) -> str | None:
    """The text with its one `%s` replaced literally; None unless there is exactly one. `50% off` stays."""
    return message_format.replace("%s", code) if message_format.count("%s") == 1 else None
