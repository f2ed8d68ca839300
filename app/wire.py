"""JSON to commands and replies to JSON: the one message format of HTTP and of every broker."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.core import commands as core
from app.core.errors import BadRequest
from app.core.message import LedgerRow
from app.core.receiver import is_mail_address, masked
from app.core.replies import SUCCESS, Reply

MAX_BODY = 64 * 1024  # octets
MAX_BATCH = 500  # inner commands of one legacy envelope
MAX_DEPTH = 64  # objects and lists inside each other
_MILLISECONDS = 1e11  # a Unix time above this is in milliseconds (wire §1)

# A string is taken whole, and without giving anything back: also one that never ends, because looking
# for its end again from every quote inside would cost the square of the body's length.
_STRING = r'"(?:[^"\\]|\\.)*+"?'
# Published samples end lists with a comma; commas inside strings stay.
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_BRACKETS = re.compile(rf"{_STRING}|([\[{{])|([\]}}])", re.DOTALL)


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


class _Fields(BaseModel):
    """The data of a command; unknown fields are the sender's own business."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


Fields = TypeVar("Fields", bound=_Fields)


class _Otp(_Fields):
    reference: Annotated[Label, Field(min_length=1)]
    receiver: Receiver
    param1: Label = ""
    param2: Label = ""
    param3: Label = ""
    param4: Label = ""
    date_time: Time | None = None

    def params(self) -> core.Params:
        return (self.param1, self.param2, self.param3, self.param4)


class _RequestOtp(_Otp):
    message: Words
    subject: Words = ""
    expiration: Time | None = None
    id: Label = ""
    report: bool = False


class _VerifyOtp(_Otp):
    otp: Annotated[Label, Field(min_length=1)]


class _Send(_Fields):
    receiver: Receiver
    message: Words
    subject: Words = ""
    id: Label = ""
    expiration: Time | None = None
    date_time: Time | None = None
    report: bool = False


class _Receiver(_Fields):
    receiver: Receiver


class _ModemList(_Fields):
    date_time: Time | None = None


class _Ussd(_Fields):
    modem_id: Annotated[Label, Field(min_length=1)]
    ussd_code: Annotated[Label, Field(min_length=1)]


class _UssdAnswer(_Fields):
    modem_id: Annotated[Label, Field(min_length=1)]
    ussd_answer: Annotated[Label, Field(min_length=1, validation_alias=AliasChoices("ussd_answer", "text"))]


class _UssdEnd(_Fields):
    modem_id: Annotated[Label, Field(min_length=1)]


class _Callback(_Fields):
    callback_topic: Label = ""
    callback_delay: Annotated[int, BeforeValidator(_delay)] = 10


#: The data of each command, for those who describe the wire; echo takes anything.
SHAPES: Mapping[str, type[BaseModel]] = {
    "request-otp": _RequestOtp,
    "verify-otp": _VerifyOtp,
    "send-sms": _Send,
    "send-email": _Send,
    "send-message": _Send,
    "block-msisdn": _Receiver,
    "unblock-msisdn": _Receiver,
    "get-modem-list": _ModemList,
    "request-ussd": _Ussd,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What one message of the wire asks for.

    commands: one, or for the legacy envelope those it holds; batch: whether the answer is an array.
    callback_topic: where a broker publishes the answer, empty for nowhere; callback_delay: milliseconds.
    """

    name: str
    commands: tuple[core.Command, ...]
    batch: bool = False
    callback_topic: str = ""
    callback_delay: int = 10


def parse(body: bytes) -> Request:
    """One message of the wire. Raises BadRequest, with a sentence that names the field and no text of it."""
    if len(body) > MAX_BODY:
        raise BadRequest(f"the body is larger than {MAX_BODY} octets", reason="too_large")
    message = _object(body)
    name = message.get("command")
    if not isinstance(name, str):
        raise BadRequest("the field command is missing")
    try:
        return _request(name, message)
    except BadRequest as error:
        error.command = name[:64]
        raise


def _request(name: str, message: Mapping[str, Any]) -> Request:
    callback = _validated(_Callback, message)
    data = message.get("data")
    if data == [] and "channel" not in message:
        data = {}  # how PHP writes an empty array of names
    if name == "echo":
        echo = core.Echo(name, message)
        return Request(name, (echo,), False, callback.callback_topic, callback.callback_delay)
    if isinstance(data, list):
        commands = tuple(_inner(name, message, one) for one in _bounded(data))
        return Request(name, commands, True, callback.callback_topic, callback.callback_delay)
    one = _command(name, message, data)
    return Request(name, (one,), False, callback.callback_topic, callback.callback_delay)


def return_address(body: bytes) -> Request | None:
    """Where the refusal of a message goes that ``parse`` did not take; None when that cannot be made out."""
    try:
        message = _object(body[: MAX_BODY + 1])
        callback = _validated(_Callback, message)
    except BadRequest:
        return None
    name = message.get("command")
    given = name if isinstance(name, str) else ""
    return Request(given, (), False, callback.callback_topic, callback.callback_delay)


def _object(body: bytes) -> dict[str, Any]:
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


def _bounded(data: list[Any]) -> list[Any]:
    if len(data) > MAX_BATCH:
        raise BadRequest(f"data holds more than {MAX_BATCH} commands")
    return data


def _inner(name: str, outer: Mapping[str, Any], one: object) -> core.Command:
    """One element of a legacy envelope: a command of its own, or the data of one more ``name``."""
    if not isinstance(one, dict):
        raise BadRequest("data holds something that is not an object")
    inner = one.get("command")
    if isinstance(inner, str):
        return _command(inner, one, one.get("data"))
    if outer.get("channel") == "sms" and name == "send-message":
        return _send("send-sms", one)
    return _command(name, one, one)


def _command(name: str, message: Mapping[str, Any], data: object) -> core.Command:
    if name == "echo":
        return core.Echo(name, message)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise BadRequest("the field data is not an object")
    match name:
        case "request-otp" | "create-otp":
            asked = _validated(_RequestOtp, data)
            return core.RequestOtp(
                name=name,
                reference=asked.reference,
                receiver=asked.receiver,
                message=asked.message,
                subject=asked.subject,
                expiration=asked.expiration,
                date_time=asked.date_time,
                params=asked.params(),
                id=asked.id,
                report=asked.report,
                echo=_as_given(data),
            )
        case "verify-otp" | "validate-otp":
            shown = _validated(_VerifyOtp, data)
            return core.VerifyOtp(
                name,
                shown.reference,
                shown.receiver,
                shown.otp,
                shown.params(),
                shown.date_time,
                _as_given(data),
            )
        case "send-sms" | "send-email" | "send-mail" | "send-message":
            return _send(name, data)
        case "block-msisdn":
            return core.BlockMsisdn(name, _validated(_Receiver, data).receiver)
        case "unblock-msisdn":
            return core.UnblockMsisdn(name, _validated(_Receiver, data).receiver)
        case "get-modem-list":
            return core.GetModemList(name, _validated(_ModemList, data).date_time)
        case "request-ussd":
            ussd = _validated(_Ussd, data)
            return core.RequestUssd(name, ussd.modem_id, ussd.ussd_code)
        case "answer-ussd":
            reply = _validated(_UssdAnswer, data)
            return core.AnswerUssd(name, reply.modem_id, reply.ussd_answer)
        case "cancel-ussd":
            return core.CancelUssd(name, _validated(_UssdEnd, data).modem_id)
    raise BadRequest(f"{name[:40]!r} is not a command", reason="unknown_command")


def _send(name: str, data: Mapping[str, Any]) -> core.SendSms | core.SendEmail:
    asked = _validated(_Send, data)
    mail = is_mail_address(asked.receiver)
    if name == "send-sms" and mail:
        raise BadRequest("the receiver of an SMS is a telephone number, not a mail address")
    if name in ("send-email", "send-mail") and not mail:
        raise BadRequest("the receiver of an e-mail is a mail address")
    if mail:
        return core.SendEmail(
            name, asked.receiver, asked.message, asked.subject, asked.id, asked.expiration, asked.date_time
        )
    return core.SendSms(
        name, asked.receiver, asked.message, asked.id, asked.expiration, asked.date_time, asked.report
    )


def _as_given(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an OTP answer gives back, in the sender's own spelling and types."""
    given = {
        name: data[name] for name in ("reference", "receiver", "date_time") if data.get(name) is not None
    }
    for other in ("msisdn", "recipient"):
        if other in data:
            given.setdefault("receiver", data[other])
    return given


def _validated(kind: type[Fields], data: Mapping[str, Any]) -> Fields:
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


def as_json(reply: Reply) -> dict[str, Any]:
    """The answer of the wire; ``reason`` and ``error`` only where the code is not 0000."""
    answer: dict[str, Any] = {"command": reply.command, "response_code": reply.code, "data": reply.data}
    if reply.code != SUCCESS:
        answer |= {"reason": reply.reason, "error": reply.error}
    if reply.duplicate:
        answer["duplicate"] = True
    return answer


def render(reply: Reply | Sequence[Reply]) -> bytes:
    """One answer as an object, several as an array, in JSON that is plain ASCII."""
    answer = as_json(reply) if isinstance(reply, Reply) else [as_json(one) for one in reply]
    return json.dumps(answer, separators=(",", ":")).encode("ascii")


def status_json(row: LedgerRow) -> dict[str, Any]:
    """The data of ``/api/status/<id>`` (wire §1): times in Unix seconds, the receiver masked."""
    return {
        "id": row.id,
        "command": row.command,
        "state": str(row.state),
        "reason": row.reason,
        "error": row.error,
        "receiver": masked(row.receiver),
        "modem": row.name,
        "parts": row.parts,
        "accepted": row.accepted,
        "finished": row.finished,
        "tries": [{"modem": one.modem, "at": one.at, "result": one.result} for one in row.tries],
    }
