"""Everything that can go wrong with hardware, one root and leaves named after what happened."""

from __future__ import annotations


class HwError(Exception):
    """Root of all hardware errors; each text is a sentence fit for a log, free of message contents."""


class DeviceMissing(HwError, FileNotFoundError):
    """The port or device named in the settings does not exist (now)."""


class PortLost(HwError, OSError):
    """An open port failed: the device was unplugged or its driver gave up (EIO)."""


class AtTimeout(HwError, TimeoutError):
    """A modem gave no final result within the time its command allows."""


class AtError(HwError):
    """A modem answered a command with an error.

    kind: ``"ERROR"``, ``"CME"``, ``"CMS"`` or the literal refusal in words.
    code: the number after ``+CME ERROR:`` / ``+CMS ERROR:`` (3GPP TS 27.007 §9.2, 27.005 §3.2.5),
          or the words where the modem speaks verbosely, or None.
    """

    def __init__(self, command: str, kind: str, code: int | str | None = None) -> None:
        self.command = command
        self.kind = kind
        self.code = code
        detail = f"+{kind} ERROR: {code}" if code is not None else kind
        super().__init__(f"{command} was refused with {detail}")


class Restarted(AtError):
    """A modem restarted unnoticed and forgot its settings: nothing was sent, it must be started again."""

    def __init__(self, command: str) -> None:
        super().__init__(command, "restart")
        self.args = (f"The modem restarted unnoticed before {command}; nothing was sent.",)


class OutcomeUnknown(HwError):
    """The modem took a message and then went silent: it may or may not be on the air.

    accepted: parts confirmed before the silence; total: parts of the message.
    Nobody may send this message again on their own account.
    """

    def __init__(self, why: str, accepted: int = 0, total: int = 1) -> None:
        self.accepted = accepted
        self.total = total
        super().__init__(why)


class PartlySent(OutcomeUnknown):
    """A later part was refused after earlier parts had been taken: the message cannot be unsent."""


class PortBusy(HwError):
    """The port exists but may not be used: another program holds it, or the system refuses access."""


class UnsafeCommand(HwError, ValueError):
    """A command or one of its parameters could end the line early and start another command."""


class SimProblem(HwError):
    """The SIM cannot be used; iccid names it where the modem tells. Leaves say why."""

    def __init__(self, why: str, iccid: str | None = None) -> None:
        self.iccid = iccid
        super().__init__(why)


class SimMissing(SimProblem):
    """There is no SIM, or it cannot be read."""


class PinNeeded(SimProblem):
    """The SIM asks for a PIN and none is configured."""


class PinRefused(SimProblem):
    """The SIM refused the configured PIN; it is not given a second time."""


class PinKeptBack(SimProblem):
    """The configured PIN is not given: it was refused before, may have been, or has too few tries left."""


class SimBlocked(SimProblem):
    """The SIM asks for its PUK: too many wrong PINs."""
