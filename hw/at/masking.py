"""Show the dialogue in logs and errors without PINs, messages and what people asked the network."""

from __future__ import annotations

import re

from hw.at.codec import Final, News, Noise, Prompt, Token

#: Commands whose parameters are a PIN, a password or what a person typed for the network.
_SECRET = re.compile(
    r"(AT(?:\+CPIN2?|\^CPIN|\+CLCK|\+CPWD|\+CUSD|\+CGAUTH|\^AUTHDATA|\+QICSGP)=).+", re.IGNORECASE
)
_HEX_RUN = re.compile(r"[0-9A-Fa-f]{16,}")
#: Answers and news that hold no message and no secret.
_OPEN = ("+CMGS", "+CMTI", "+CDSI", "+CREG", "+CGREG", "+CEREG", "+CSQ", "+COPS", "+CPMS", "+CPIN", "+CMGF")


def safe(command: str) -> str:
    """The command with its secrets and long hexadecimal replaced by their length."""
    command = _SECRET.sub(lambda match: f"{match[1]}({len(match[0]) - len(match[1])} characters)", command)
    return _HEX_RUN.sub(lambda match: f"({len(match[0])} hex digits)", command)


def shown(token: Token) -> str:
    """A token for the log: never a message, a USSD text or an unknown line, only their length."""
    if isinstance(token, Prompt):
        return "prompt"
    if isinstance(token, Final):
        return token.text
    if isinstance(token, Noise):
        return f"unknown line of {len(token.text)} characters"
    if isinstance(token, News):
        if token.prefix.startswith(("+CMT", "+CDS", "+CBM", "+CUSD")) and token.prefix not in _OPEN:
            return f"{token.prefix} of {len(token.text) + len(token.body or '')} characters"
        return safe(token.text)
    if token.text.startswith(_OPEN):
        return token.text
    name, colon, rest = token.text.partition(":")
    if colon and len(name) < 12:
        return f"{name}: ({len(rest)} characters)"
    return f"answer of {len(token.text)} characters"
