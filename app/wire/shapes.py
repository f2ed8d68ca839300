"""The fields of every command: their types, their limits, and what is wrong with them in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.core import commands as core
from app.core.errors import BadRequest

_MILLISECONDS = 1e11  # a Unix time above this is in milliseconds (wire §1)


def _label(value: object) -> str:
    """``12345`` and ``" 12345 "`` are the same label."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be text or a whole number")
    text = str(value).strip()
    if len(text) > 256:
        raise ValueError("is longer than 256 characters")
    return _unicode(text)


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return _unicode(value)


def _unicode(text: str) -> str:
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError("holds half of a surrogate pair, which is no character")
    return text


def _time(value: object) -> float:
    if isinstance(value, str):
        value = float(value) if re.fullmatch(r"\s*\d{1,16}(\.\d{1,9})?\s*", value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e17:
        raise ValueError("must be a Unix time in seconds")
    return value / 1000 if value > _MILLISECONDS else float(value)


def _delay(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 60000:
        raise ValueError("must be a number of milliseconds from 0 to 60000")
    return int(value)


Label = Annotated[str, BeforeValidator(_label)]
Words = Annotated[str, BeforeValidator(_words)]
Time = Annotated[float, BeforeValidator(_time)]
Receiver = Annotated[
    Label, Field(min_length=1, validation_alias=AliasChoices("receiver", "msisdn", "recipient"))
]


class Shape(BaseModel):
    """The data of a command; unknown fields are the sender's own business."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


AnyShape = TypeVar("AnyShape", bound=Shape)


class Otp(Shape):
    reference: Annotated[Label, Field(min_length=1)]
    receiver: Receiver
    param1: Label = ""
    param2: Label = ""
    param3: Label = ""
    param4: Label = ""
    date_time: Time | None = None

    def params(self) -> core.Params:
        return (self.param1, self.param2, self.param3, self.param4)


class RequestOtp(Otp):
    message: Words
    subject: Words = ""
    expiration: Time | None = None
    id: Label = ""
    report: bool = False


class VerifyOtp(Otp):
    otp: Annotated[Label, Field(min_length=1)]


class Send(Shape):
    receiver: Receiver
    message: Words
    subject: Words = ""
    id: Label = ""
    expiration: Time | None = None
    date_time: Time | None = None
    report: bool = False


class Addressed(Shape):
    receiver: Receiver


class ModemList(Shape):
    date_time: Time | None = None


class Ussd(Shape):
    modem_id: Annotated[Label, Field(min_length=1)]
    ussd_code: Annotated[Label, Field(min_length=1)]


class UssdAnswer(Shape):
    modem_id: Annotated[Label, Field(min_length=1)]
    ussd_answer: Annotated[Label, Field(min_length=1, validation_alias=AliasChoices("ussd_answer", "text"))]


class UssdEnd(Shape):
    modem_id: Annotated[Label, Field(min_length=1)]


class Callback(Shape):
    callback_topic: Label = ""
    callback_delay: Annotated[int, BeforeValidator(_delay)] = 10


#: The data of each command, for those who describe the wire; echo takes anything.
SHAPES: Mapping[str, type[BaseModel]] = {
    "request-otp": RequestOtp,
    "verify-otp": VerifyOtp,
    "send-sms": Send,
    "send-email": Send,
    "send-message": Send,
    "block-msisdn": Addressed,
    "unblock-msisdn": Addressed,
    "get-modem-list": ModemList,
    "request-ussd": Ussd,
    "answer-ussd": UssdAnswer,
    "cancel-ussd": UssdEnd,
}


def labels(shape: type[BaseModel]) -> frozenset[str]:
    """The fields that take a whole number as well as text, for those who describe the wire."""
    return frozenset(
        name
        for name, field in shape.model_fields.items()
        if any(getattr(one, "func", None) is _label for one in field.metadata)
    )


def validated(kind: type[AnyShape], data: Mapping[str, Any]) -> AnyShape:
    present = {name: value for name, value in data.items() if value is not None}
    try:
        return kind.model_validate(present)
    except ValidationError as error:
        raise BadRequest("; ".join(_sentence(problem) for problem in error.errors())) from None


def _sentence(problem: Mapping[str, Any]) -> str:
    """Pydantic's finding as a sentence that names the field and never its value."""
    field = str(problem["loc"][0]) if problem["loc"] else "data"
    match problem["type"]:
        case "missing":
            return f"the field {field} is missing"
        case "string_too_short" | "too_short":
            return f"the field {field} is empty"
        case "value_error":
            return f"the field {field} {problem['ctx']['error']}"
    return f"the field {field} has the wrong type"
