"""What an application server uses: one method a command, over whichever way to the device is configured."""

import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from .codebook import CodeBook, Refused, Rules
from .deadline import Deadline
from .errors import ConfigError, FateUnknown, NotPublished, PublisherError
from .ini import Problem, read_ini
from .messages import encode, envelope, filled, numbered, with_callback
from .options import METHODS, General, Section, changed, from_ini, from_keywords
from .result import FAILED, PUBLISHED, SUCCESS, NotAnAnswer, Result, parse_answer
from .transports import open_transport

log = logging.getLogger("otp_publisher")

_MEANINGLESS_WITHOUT_ANSWER = {"verify-otp", "validate-otp", "get-modem-list", "request-ussd", "echo"}
_GENERAL = {
    "manage_otp",
    "cache_dir",
    "cache_max_age",
    "secret_file",
    "country_code",
    "otp_digits",
    "otp_tries",
}


class Publisher:
    """One way to one or more devices. Holds no connection between calls: threads and forks may share it.

    `timeout` bounds each call as a whole, in seconds, `connect_timeout` the opening of a connection within
    it. With `callback` every command over a broker waits for the device's answer; without, only those that
    make no sense otherwise do, and the others end as 1111, *published, fate unknown*.

    Raises NotPublished (and leaves) when nothing went out, with the cause attached.
    """

    def __init__(
        self,
        method: str = "REST",
        *,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        callback: bool = False,
        wall: Callable[[], float] = time.time,
        **options: object,
    ) -> None:
        section = METHODS.get(method.upper())
        if section is None:
            raise ConfigError(f"method {method!r} is none of {', '.join(METHODS)}")
        general, own = _parted(options)
        self._set_up(
            from_keywords(General, general),
            from_keywords(section, own),
            timeout,
            connect_timeout,
            callback,
            wall,
        )

    @classmethod
    def from_ini(
        cls,
        path: str | Path,
        /,
        *,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        callback: bool = False,
        wall: Callable[[], float] = time.time,
        **options: object,
    ) -> Self:
        """From the PHP library's `config.ini`, as it is. Bad lines are logged and kept in `problems`.

        `options` go before what the file says in [GENERAL] and in the section of its method.
        """
        try:
            general, section, problems = from_ini(read_ini(path))
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        for_general, own = _parted(options)
        general, section = changed(general, for_general), changed(section, own)
        publisher = cls.__new__(cls)
        publisher._set_up(general, section, timeout, connect_timeout, callback, wall)
        publisher.problems = problems
        for problem in problems:
            log.warning("%s: %s", path, problem)
        return publisher

    def _set_up(
        self,
        general: General,
        section: Section,
        timeout: float,
        connect_timeout: float,
        callback: bool,
        wall: Callable[[], float],
    ) -> None:
        if timeout <= 0 or connect_timeout <= 0:
            raise ConfigError("timeouts are more than 0 seconds")
        self.problems: tuple[Problem, ...] = ()
        self._transport = open_transport(section)
        self._timeout, self._connect_timeout = timeout, connect_timeout
        self._callback = callback
        self._wall = wall
        self._lifetime = general.cache_max_age
        self._codes = _code_book(general, wall) if general.manage_otp else None

    def create_otp(
        self,
        receiver: str,
        id: str | int | None,
        reference: str,
        lifetime: int | None,
        message_format: str,
        params: Sequence[object] = (),
        subject: str | None = None,
        *,
        callback: bool | None = None,
    ) -> Result:
        """Send a code; `message_format` holds one `%s`, `lifetime` is in seconds."""
        bound = numbered(params)
        if self._codes is not None:
            return self._create_managed(
                self._codes, receiver, id, str(reference), lifetime, message_format, bound, subject, callback
            )
        data = {
            **self._times(lifetime),
            "reference": str(reference),
            "receiver": receiver,
            "message": message_format,
            "subject": subject or ("Your OTP Code" if "@" in receiver else None),
            "id": _id(id),
            **bound,
        }
        return self.request("create-otp", data, callback=callback)

    def verify_otp(
        self,
        receiver: str,
        otp: str,
        reference: str,
        params: Sequence[object] = (),
        *,
        callback: bool | None = None,
    ) -> Result:
        """0000 exactly once for the right code; then, and for a wrong one, 1202; 1203 when it has expired."""
        bound = numbered(params)
        about = {"date_time": int(self._wall()), "reference": str(reference), "receiver": receiver}
        if self._codes is None:
            return self.request("verify-otp", {**about, "otp": str(otp), **bound}, callback=callback)
        try:
            self._codes.verify(str(reference), receiver, list(bound.values()), str(otp))
        except Refused as refused:
            return Result(refused.code, refused.reason, about, "verify-otp", refused.error)
        except OSError as error:
            raise PublisherError(f"cannot look the code up: {error}") from error
        return Result(SUCCESS, data=about, command="verify-otp")

    def send_message(
        self,
        receiver: str,
        message: str,
        *,
        id: str | int | None = None,
        lifetime: int | None = None,
        subject: str | None = None,
        callback: bool | None = None,
    ) -> Result:
        """An SMS, or a mail where the receiver is an address."""
        return self._send("send-message", receiver, message, id, lifetime, subject, callback)

    def send_sms(
        self,
        receiver: str,
        message: str,
        *,
        id: str | int | None = None,
        lifetime: int | None = None,
        callback: bool | None = None,
    ) -> Result:
        """The same `id`, receiver and text within ten minutes is sent once; without an id one is made."""
        return self._send("send-sms", receiver, message, id, lifetime, None, callback)

    def send_email(
        self,
        receiver: str,
        subject: str,
        message: str,
        *,
        id: str | int | None = None,
        lifetime: int | None = None,
        callback: bool | None = None,
    ) -> Result:
        return self._send("send-email", receiver, message, id, lifetime, subject, callback)

    def block_msisdn(self, receiver: str, *, callback: bool | None = None) -> Result:
        return self.request("block-msisdn", {"receiver": receiver, **self._times(None)}, callback=callback)

    def unblock_msisdn(self, receiver: str, *, callback: bool | None = None) -> Result:
        return self.request("unblock-msisdn", {"receiver": receiver, **self._times(None)}, callback=callback)

    def get_modem_list(self) -> Result:
        """`data["modem_list"]`: id of the modem → its state."""
        return self.request("get-modem-list", self._times(None))

    def request_ussd(self, code: str, modem_id: str) -> Result:
        return self.request("request-ussd", {"modem_id": modem_id, "ussd_code": code, **self._times(None)})

    def request(self, command: str, data: Mapping[str, Any], *, callback: bool | None = None) -> Result:
        """Any command. `callback` says whether to wait for the answer; None leaves it to the command."""
        wait = (self._callback or command in _MEANINGLESS_WITHOUT_ANSWER) if callback is None else callback
        message = envelope(command, data)
        reply_to = self._transport.reply_topic() if wait else None
        if reply_to is not None:
            message = with_callback(message, reply_to, self._transport.callback_delay)
        about = {
            key: message["data"][key]
            for key in ("id", "reference", "receiver", "date_time")
            if key in message["data"]
        }
        try:
            answer = self._transport.carry(
                encode(message), reply_to, Deadline(self._timeout, self._connect_timeout)
            )
        except FateUnknown as error:
            return Result(PUBLISHED, "no_answer", about, command, str(error))
        if answer is None:
            return Result(PUBLISHED, "published", about, command, "published; no answer was asked for")
        try:
            return parse_answer(answer)
        except NotAnAnswer as error:
            return Result(PUBLISHED, "bad_answer", about, command, str(error))

    def _send(
        self,
        command: str,
        receiver: str,
        message: str,
        id: str | int | None,
        lifetime: int | None,
        subject: str | None,
        callback: bool | None,
    ) -> Result:
        data = {
            **self._times(lifetime),
            "id": _id(id),
            "receiver": receiver,
            "message": message,
            "subject": subject,
        }
        return self.request(command, data, callback=callback)

    def _create_managed(
        self,
        codes: CodeBook,
        receiver: str,
        id: str | int | None,
        reference: str,
        lifetime: int | None,
        message_format: str,
        bound: Mapping[str, str],
        subject: str | None,
        callback: bool | None,
    ) -> Result:
        command = "create-otp"
        lifetime = self._lifetime if lifetime is None else lifetime
        about: dict[str, Any] = {"reference": reference, "receiver": receiver, **self._times(lifetime)}
        expiration = about.pop("expiration")
        if filled(message_format, "") is None:
            return Result(FAILED, "bad_request", about, command, "the message must hold %s exactly once")
        try:
            code = codes.issue(reference, receiver, list(bound.values()), expiration)
        except Refused as refused:
            return Result(refused.code, refused.reason, about, command, refused.error)
        except OSError as error:
            raise NotPublished(f"cannot keep the code: {error}") from error
        try:
            text = filled(message_format, code) or ""
            subject = subject or ("Your OTP Code" if "@" in receiver else None)
            sent = self._send("send-message", receiver, text, id, lifetime, subject, callback)
        except NotPublished:
            codes.forget(reference)
            raise
        if not sent.ok and not sent.unknown:
            codes.forget(reference)
        return Result(sent.code, sent.reason, {**sent.data, **about}, command, sent.error, sent.duplicate)

    def _times(self, lifetime: int | None) -> dict[str, int]:
        now = int(self._wall())
        return (
            {"date_time": now} if lifetime is None else {"date_time": now, "expiration": now + int(lifetime)}
        )


def _parted(options: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Those of [GENERAL], and those of the method."""
    general = {name: value for name, value in options.items() if name in _GENERAL}
    return general, {name: value for name, value in options.items() if name not in _GENERAL}


def _code_book(general: General, wall: Callable[[], float]) -> CodeBook:
    if not general.cache_dir:
        raise ConfigError("manage_otp needs cache_dir, a directory of its own")
    # The PHP library turns the separators of its file to those of the system; so do we.
    directory = Path(general.cache_dir if os.name == "nt" else general.cache_dir.replace("\\", "/"))
    secret = Path(general.secret_file) if general.secret_file else None
    rules = Rules(general.otp_digits, general.otp_tries, general.cache_max_age, general.country_code)
    try:
        return CodeBook(directory, secret, rules, wall)
    except OSError as error:
        raise ConfigError(f"cannot use cache_dir {general.cache_dir!r}: {error}") from error
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _id(given: str | int | None) -> str:
    """An id of one's own lets the device know a message that a broker delivers twice."""
    return secrets.token_hex(12) if given is None or given == "" else str(given)
