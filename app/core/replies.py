"""What the gateway answers: a code, the data, and for a failure why and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import GatewayError

SUCCESS = "0000"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one command; ``reason`` and ``error`` are empty exactly when the code is 0000."""

    command: str
    code: str = SUCCESS
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    error: str = ""
    duplicate: bool = False

    @property
    def ok(self) -> bool:
        return self.code == SUCCESS


def refusal(command: str, error: GatewayError, data: Mapping[str, Any] | None = None) -> Reply:
    return Reply(command, error.code, data or {}, error.reason, str(error))
