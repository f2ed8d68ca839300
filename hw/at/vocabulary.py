"""Which lines of a modem are final results, unsolicited news, or answers to a given command."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Final results that are an error in themselves (V.250 §5.7.1 and what vendors made of it).
_ERROR_WORDS = frozenset(
    {
        "ERROR",
        "COMMAND NOT SUPPORT",
        "COMMAND NOT SUPPORTED",
        "NOT SUPPORT",
        "NOT SUPPORTED",
        "TOO MANY PARAMETERS",
        "ABORTED",
        "INVALID COMMAND LINE",
    }
)
#: Final results of a call; while an SMS command is pending they are news about somebody else's call.
_CALL_WORDS = frozenset({"NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "DELAYED"})
_NUMBERED_ERROR = re.compile(r"(?:\+?(?P<kind>[A-Z]{2,8}) )?ERROR ?:\s*(?P<code>.*)$")

#: News without a colon.
_NEWS_WORDS = frozenset(
    {
        "RING",
        "RDY",
        "Call Ready",
        "SMS Ready",
        "PB DONE",
        "SMS DONE",
        "+SMS FULL",
        "START",
        "+PBREADY",
        "NORMAL POWER DOWN",
        "POWERED DOWN",
        "OPL UPDATING",
        "PNN UPDATING",
        "MODEM:STARTUP",
        "SIM REMOVED",
        "+SIM READY",
    }
)
_NEWS_STARTS = ("UNDER-VOLTAGE", "OVER-VOLTAGE", "UNDER_VOLTAGE", "OVER_VOLTAGE", "DST:", "VOICE CALL:")
_MARKED = re.compile(r"([+^*%$&#][A-Za-z][A-Za-z0-9_]*)(?=[:=\s]|$)")

#: These carry their PDU or text on the next line (27.005 §3.4.1).
TWO_LINE_NEWS = frozenset({"+CMT", "+CDS", "+CBM"})
#: Never an answer, whatever is pending.
_ALWAYS_NEWS = TWO_LINE_NEWS | {"+CMTI", "+CDSI", "+CBMI", "+CRING", "+CIEV", "+CTZV", "+CTZE", "+CGEV"}
#: Commands whose ``=…`` form answers with nothing but a final result, so that the same prefix is news.
_SILENT_SETTERS = frozenset(
    {
        "+CREG",
        "+CGREG",
        "+CEREG",
        "+C5GREG",
        "+CUSD",
        "+CPIN",
        "+CFUN",
        "+CLIP",
        "+CCWA",
        "+CSSN",
        "+CNMI",
        "+COPS",
        "+CRC",
        "+CTZR",
        "+CTZU",
        "+CMGF",
        "+CMGD",
    }
)
_REGISTRATION = frozenset({"+CREG", "+CGREG", "+CEREG", "+C5GREG"})
#: Commands whose answers always begin with their own name: anything else is not ours.
_NAMED_ANSWERS = _REGISTRATION | {
    "+CMGS",
    "+CMGW",
    "+CMSS",
    "+CMGD",
    "+CMGF",
    "+CMMS",
    "+CNMI",
    "+CPMS",
    "+CSCA",
    "+CSMS",
    "+CSQ",
    "+COPS",
    "+CPIN",
    "+CUSD",
    "+CNUM",
    "+CLCK",
    "+CMEE",
    "+CSCS",
    "+CFUN",
}
#: Standard commands that never start a call (27.005, and the queries of 27.007 that are asked here).
_NEVER_A_CALL = _NAMED_ANSWERS | {"+CMGR", "+CMGL", "+CIMI", "+CGSN", "+CGMI", "+CGMM", "+CGMR", "+CCID"}
_BODY_COMMANDS = frozenset({"+CMGR", "+CMGL"})


@dataclass(frozen=True)
class Pending:
    """The command in flight, split into what the classification needs.

    name: ``+CSQ``, ``D``, ``I``; form: ``""`` (execute), ``?`` (read), ``=?`` (test), ``=`` (set).
    """

    text: str
    name: str
    form: str

    @classmethod
    def of(cls, command: str) -> Pending:
        match = re.match(r"[Aa][Tt]\s*([+^*%$&#][A-Za-z0-9_]+|[A-Za-z]?)\s*(=\?|=|\?|)", command)
        if not match:
            return cls(command, "", "")
        return cls(command, match[1].upper(), match[2])


@dataclass(frozen=True)
class Result:
    """The meaning of a final result line; kind and code as in hw.errors.AtError."""

    ok: bool
    kind: str = "OK"
    code: int | str | None = None


def final_result(line: str, pending: Pending) -> Result | None:
    """The final result a line stands for while pending is in flight, or None."""
    if line == "OK":
        return Result(True)
    if line in _ERROR_WORDS:
        return Result(False, line)
    if line in _CALL_WORDS:
        return None if pending.name in _NEVER_A_CALL else Result(False, line)
    if line.startswith("CONNECT") and pending.name not in _NEVER_A_CALL:
        return Result(True, "CONNECT") if line == "CONNECT" or line.startswith("CONNECT ") else None
    match = _NUMBERED_ERROR.match(line)
    if match is None:
        return None
    code = match["code"].strip()
    return Result(False, match["kind"] or "ERROR", int(code) if code.isdecimal() and len(code) < 10 else code)


def looks_final(line: str) -> bool:
    """Whether a line is OK or an error, whatever is pending."""
    return line == "OK" or line in _ERROR_WORDS or _NUMBERED_ERROR.match(line) is not None


def prefix_of(line: str) -> str:
    """``+CREG`` of ``+CREG: 1``; ``""`` for a line without a marked name."""
    match = _MARKED.match(line)
    return match[1].upper() if match else ""


def is_news(line: str) -> bool:
    """Whether a line is of a kind that modems send unasked."""
    return (
        line in _NEWS_WORDS or line.startswith(_NEWS_STARTS) or line in _CALL_WORDS or bool(prefix_of(line))
    )


def answers(line: str, pending: Pending) -> bool:
    """Whether a line that is no final result belongs to the pending command's answer."""
    prefix = prefix_of(line)
    if prefix in _ALWAYS_NEWS or not pending.name:
        return False
    if prefix and prefix == pending.name:
        return _own_prefix_answers(line, prefix, pending)
    if prefix in _REGISTRATION and pending.name in _REGISTRATION:
        return _own_prefix_answers(line, prefix, pending)  # AT+CREG? answered as +CGREG by some
    if pending.name in _NAMED_ANSWERS:
        return False
    if pending.name in _BODY_COMMANDS:
        return not is_news(line)
    if prefix:  # AT+CICCID is answered +ICCID:, AT^ICCID? as +ICCID:; ATI lists +GCAP:
        bare, asked = prefix[1:], pending.name.lstrip("+^*%$&#")
        return pending.name == "I" or (bool(asked) and (asked.endswith(bare) or bare.endswith(asked)))
    return not is_news(line)


def _own_prefix_answers(line: str, prefix: str, pending: Pending) -> bool:
    if pending.form == "=" and pending.name in _SILENT_SETTERS:
        return False
    arguments = [part.strip() for part in line[line.find(":") + 1 :].split(",")]
    if pending.form == "=?":
        return "(" in line or prefix not in _SILENT_SETTERS
    if prefix in _REGISTRATION:
        # Read: <n>,<stat>[,…]. News: <stat>[,<lac>,<ci>…] (27.007 §7.2). A lac has quotes or four digits.
        return len(arguments) >= 2 and re.fullmatch(r"\d{1,3}", arguments[1]) is not None
    if prefix == "+CUSD":
        return len(arguments) == 1  # the read form tells <n> alone (27.007 §7.15)
    return True
