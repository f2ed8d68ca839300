"""What can go wrong for a caller: one root, a code of the wire and a short reason on every leaf."""

from __future__ import annotations


class GatewayError(Exception):
    """Root of all errors a caller may see.

    code: one of the wire's four-digit codes, which never change.
    reason: a short slug for programs; the text is a sentence for people that says what to do.
    The text never holds a code, a message text or a secret.
    """

    code = "1102"
    reason = "failed"

    def __init__(self, sentence: str, *, reason: str | None = None) -> None:
        super().__init__(sentence)
        if reason is not None:
            self.reason = reason


class BadRequest(GatewayError):
    """The request cannot be understood or breaks a rule of the wire.

    command: the name in the request, where it came so far that it has one.
    """

    reason = "bad_request"
    command = ""


class Unauthorized(GatewayError):
    code = "1100"
    reason = "unauthorized"


class Blocked(GatewayError):
    """The receiver is on the block list."""

    reason = "blocked"


class Duplicated(GatewayError):
    """An OTP reference is still alive."""

    code = "1201"
    reason = "duplicated"


class InvalidOtp(GatewayError):
    """Wrong code or parameter, unknown or used reference."""

    code = "1202"
    reason = "invalid_otp"


class OtpLocked(InvalidOtp):
    """Too many wrong tries: the reference is dead."""

    reason = "locked"


class Expired(GatewayError):
    code = "1203"
    reason = "expired"


class RateLimited(GatewayError):
    reason = "rate_limited"


class MailFailed(GatewayError):
    reason = "mail_failed"


class UssdFailed(GatewayError):
    reason = "ussd_failed"


class StorageFailed(GatewayError):
    """The state database did not take a write, so the promise of exactly one outcome cannot be kept."""

    reason = "storage"


class NotSent(GatewayError):
    """A carrier refused a message before it took it: another may try."""

    reason = "not_sent"


class NoDevice(NotSent):
    """No modem may carry the message now."""

    code = "1101"
    reason = "no_device"


class PortGone(NotSent):
    """The port of the chosen modem is gone."""

    code = "1000"
    reason = "port_gone"


class QueueFull(NotSent):
    reason = "queue_full"


class TooLate(NotSent):
    """The message cannot go out before it expires; ``wait`` is the estimate in seconds."""

    reason = "too_late"

    def __init__(self, sentence: str, wait: float) -> None:
        super().__init__(sentence)
        self.wait = wait


class UnknownOutcome(GatewayError):
    """A modem took the message and went silent: nobody may send it again on their own account.

    parts: of how many the message was, where that is known.
    """

    reason = "unknown_outcome"
    parts = 0
