"""A message of the wire as commands of the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core import commands as core
from app.core.errors import BadRequest
from app.core.receiver import is_mail_address
from app.wire import shapes
from app.wire.body import MAX_BODY, object_of
from app.wire.shapes import validated

MAX_BATCH = 500  # inner commands of one legacy envelope


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
    message = object_of(body)
    name = message.get("command")
    if not isinstance(name, str):
        raise BadRequest("the field command is missing")
    try:
        return _request(name, message)
    except BadRequest as error:
        error.command = name[:64]
        raise


def _request(name: str, message: Mapping[str, Any]) -> Request:
    callback = validated(shapes.Callback, message)
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
        message = object_of(body[: MAX_BODY + 1])
        callback = validated(shapes.Callback, message)
    except BadRequest:
        return None
    name = message.get("command")
    given = name if isinstance(name, str) else ""
    return Request(given, (), False, callback.callback_topic, callback.callback_delay)


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
            asked = validated(shapes.RequestOtp, data)
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
            shown = validated(shapes.VerifyOtp, data)
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
            return core.BlockMsisdn(name, validated(shapes.Addressed, data).receiver)
        case "unblock-msisdn":
            return core.UnblockMsisdn(name, validated(shapes.Addressed, data).receiver)
        case "get-modem-list":
            return core.GetModemList(name, validated(shapes.ModemList, data).date_time)
        case "request-ussd":
            ussd = validated(shapes.Ussd, data)
            return core.RequestUssd(name, ussd.modem_id, ussd.ussd_code)
        case "answer-ussd":
            reply = validated(shapes.UssdAnswer, data)
            return core.AnswerUssd(name, reply.modem_id, reply.ussd_answer)
        case "cancel-ussd":
            return core.CancelUssd(name, validated(shapes.UssdEnd, data).modem_id)
    raise BadRequest(f"{name[:40]!r} is not a command", reason="unknown_command")


def _send(name: str, data: Mapping[str, Any]) -> core.SendSms | core.SendEmail:
    asked = validated(shapes.Send, data)
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
