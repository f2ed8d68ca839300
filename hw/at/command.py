"""Make sure that a command line is one command and that a body is nothing but a PDU."""

from __future__ import annotations

import re

from hw.errors import UnsafeCommand

#: Seconds that an answer may take, for commands that begin so; all others get OTHERS.
PATIENCE = (
    ("AT+COPS=?", 180.0),  # looks for every network there is
    ("AT+COPS", 30.0),
    ("AT+CUSD", 60.0),
    ("AT+CFUN", 40.0),
    ("AT+CPIN=", 20.0),
    ("AT+CPWD", 20.0),
    ("AT+CLCK", 20.0),
    ("AT+CMGL", 20.0),  # a whole store at 9600 baud
)
OTHERS = 5.0


def patience(command: str) -> float:
    """Seconds that an answer to this command may take."""
    return next((seconds for begin, seconds in PATIENCE if command.upper().startswith(begin)), OTHERS)


def quoted(text: str) -> str:
    """Text as a string parameter. Raises UnsafeCommand for what could leave the quotes or the line."""
    if '"' in text or not _is_plain(text):
        raise UnsafeCommand("A parameter of an AT command may hold neither quotes nor control characters.")
    return f'"{text}"'


def checked(command: str) -> str:
    """The command, if it is one printable line with closed quotes. Raises UnsafeCommand.

    A semicolon outside quotes would start a second command (V.250 §5.2.1); only a call ends with one.
    """
    if not command[:2].upper() == "AT" or not _is_plain(command):
        raise UnsafeCommand("An AT command must be one printable line that begins with AT.")
    outside = command.split('"')[::2]
    if command.count('"') % 2:
        raise UnsafeCommand("An AT command has a quote that is never closed.")
    if any(";" in part for part in outside) and not (
        command[2:3].upper() == "D" and command.find(";") == len(command) - 1
    ):
        raise UnsafeCommand("A semicolon would start a second AT command.")
    return command


def checked_body(pdu: str) -> str:
    """A PDU, if it is nothing but whole octets in hexadecimal. Raises UnsafeCommand."""
    if len(pdu) % 2 or not re.fullmatch(r"[0-9A-Fa-f]+", pdu):
        raise UnsafeCommand("A message body must be hexadecimal octets.")
    return pdu


def _is_plain(text: str) -> bool:
    return all(" " <= char <= "~" for char in text)
