"""The one result every call returns: code, reason and data, however the message travelled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SUCCESS = "0000"
UNAUTHORIZED = "1100"
FAILED = "1102"
PUBLISHED = "1111"
"""Published, fate unknown: the only code that the device itself never sends."""
DUPLICATED = "1201"
INVALID_OTP = "1202"
EXPIRED = "1203"


@dataclass(frozen=True)
class Result:
    """What became of one command.

    `reason` is a short slug and empty on success, `error` a sentence for people, `data` what the device
    gave back. Neither holds the code or the text of a message.
    """

    code: str
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    error: str = ""
    duplicate: bool = False

    @property
    def ok(self) -> bool:
        return self.code == SUCCESS

    @property
    def unknown(self) -> bool:
        """True where it may have been sent: trying again may send it twice."""
        return self.code == PUBLISHED or self.reason == "unknown_outcome"

    def as_dict(self) -> dict[str, Any]:
        """The answer in the shape of the wire, for JSON."""
        answer: dict[str, Any] = {"command": self.command, "response_code": self.code}
        if self.reason:
            answer["reason"] = self.reason
        if self.error:
            answer["error"] = self.error
        if self.duplicate:
            answer["duplicate"] = True
        answer["data"] = dict(self.data)
        return answer


class NotAnAnswer(ValueError):
    """The text is not JSON, or JSON that carries no response code."""


def parse_answer(text: str | bytes) -> Result:
    """Read an answer of the device. Older devices print `000` for success and write `response-code`."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAnAnswer("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise NotAnAnswer(f"the answer is {type(answer).__name__}, not an object")
    code = answer.get("response_code", answer.get("response-code"))
    if not isinstance(code, str | int) or isinstance(code, bool):
        raise NotAnAnswer("the answer has no response_code")
    code = str(code).strip().zfill(4)
    data = answer.get("data")
    return Result(
        code=code,
        reason=str(answer.get("reason") or ("" if code == SUCCESS else _OLD_REASONS.get(code, "failed"))),
        data=data if isinstance(data, dict) else {},
        command=str(answer.get("command", "")),
        error=str(answer.get("error", "")),
        duplicate=answer.get("duplicate") is True,
    )


# Devices that send no `reason` leave only the number to name it by.
_OLD_REASONS = {
    "1000": "no_port",
    "1100": "unauthorized",
    "1101": "no_device",
    "1201": "duplicated",
    "1202": "invalid_otp",
    "1203": "expired",
}
