"""Cut the bytes of a modem into prompts, answers, final results and unsolicited news."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hw.at.vocabulary import (
    TWO_LINE_NEWS,
    Pending,
    Result,
    answers,
    final_result,
    is_news,
    looks_final,
    prefix_of,
)

#: A line longer than this is handed over in pieces, as noise (characters).
LONGEST_LINE = 8192
#: A quoted USSD text that does not close within this many characters is taken as it stands.
LONGEST_TEXT = 2048
#: Junk lines endured between the header of a two-line message and its PDU.
_JUNK_BEFORE_BODY = 3

_ENDS = re.compile(rb"[\r\n]")
_TRIM = "".join(chr(code) for code in range(0x20)) + " \x7f\xff"
_HEX_BODY = re.compile(r"[0-9A-Fa-f]{8,}$")
_CLOSED_WITH_DCS = re.compile(r'"\s*,\s*\d*\s*$')


@dataclass(frozen=True)
class Prompt:
    """The modem waits for the body of a message (``> ``, 27.005 §3.5.1)."""


@dataclass(frozen=True)
class Answer:
    """An information line of the pending command's answer."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Final:
    """The pending command is over."""

    result: Result
    text: str


@dataclass(frozen=True)
class News:
    """An unsolicited result; body is the second line of +CMT, +CDS and +CBM, when it came.

    The repr leaves out what may be somebody's message.
    """

    prefix: str
    text: str = field(repr=False)
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Noise:
    """A line nobody knows: an echo, line noise, an answer that came too late."""

    text: str = field(repr=False)


Token = Prompt | Answer | Final | News | Noise


class AtCodec:
    """The incoming half of the dialogue; says the same however the bytes are cut up.

    Tell it what was asked with expect() before the bytes of the answer are fed; nothing pending means
    that every line is news or noise. No input raises.
    """

    def __init__(self) -> None:
        self.echoes = 0  # how often the modem repeated what was sent
        self._buffer = bytearray()
        self._pending: Pending | None = None
        self._prompt_wanted = False
        self._before_body = False
        self._answer_needed = False
        self._echo: str | None = None
        self._after_prompt = False
        self._overlong = False
        self._header: str | None = None  # of a two-line message that waits for its second line
        self._junk = 0
        self._open_text: str | None = None  # a +CUSD whose quoted text goes on over line ends
        self._open_end = ""

    def expect(self, command: str, *, prompt: bool = False, answer_needed: bool = False) -> None:
        """A command goes out now: its answer, and perhaps a prompt, may come.

        answer_needed: an OK without an information line before it is a leftover of something else.
        """
        self._pending = Pending.of(command)
        self._prompt_wanted = self._before_body = prompt
        self._answer_needed = answer_needed
        self._echo = command

    def expect_body(self, body: str) -> None:
        """The body goes out after the prompt; a modem that echoes will repeat it.

        Until now a reference was one of an earlier message, come too late.
        """
        self._before_body = False
        self._echo = body

    def forget(self) -> None:
        """Nothing is pending any more (a timeout); what comes now belongs to nobody."""
        self._pending = None
        self._prompt_wanted = False
        self._echo = None

    @property
    def idle(self) -> bool:
        """Whether no line is half read."""
        return not self._buffer and self._header is None and self._open_text is None

    def feed(self, data: bytes) -> list[Token]:
        """The tokens that these bytes complete."""
        self._buffer += data
        tokens: list[Token] = []
        position = 0
        buffer = self._buffer
        while position < len(buffer):
            if self._prompt_wanted or self._after_prompt:
                moved = self._take_prompt(position, tokens)
                if moved != position:
                    position = moved
                    continue
            end = _ENDS.search(buffer, position)
            stop = end.start() if end else len(buffer)
            if stop - position > LONGEST_LINE:
                tokens += self._line(buffer[position : position + LONGEST_LINE].decode("latin-1"), "")
                position += LONGEST_LINE
                self._overlong = True
                continue
            if end is None:
                break
            if self._overlong:
                tokens.append(Noise(buffer[position:stop].decode("latin-1")))
                self._overlong = False
            else:
                ending = chr(buffer[stop])
                tokens += self._line(buffer[position:stop].decode("latin-1"), ending)
            position = stop + 1
        del buffer[:position]
        return tokens

    def _take_prompt(self, position: int, tokens: list[Token]) -> int:
        """Skip a prompt (and the blank after it) at the start of a line; the new position."""
        buffer = self._buffer
        if self._overlong or self._open_text is not None:
            return position
        if self._after_prompt:
            self._after_prompt = False
            if buffer[position] == 0x20:
                return position + 1
        start = position
        while start < len(buffer) and buffer[start] in b" \x00":
            start += 1
        if self._prompt_wanted and start < len(buffer) and buffer[start] == 0x3E:
            self._prompt_wanted = False
            self._after_prompt = True
            tokens.append(Prompt())
            return start + 1
        return position

    def _line(self, raw: str, ending: str) -> list[Token]:
        if self._open_text is not None:
            return self._continue_text(raw, ending)
        line = raw.strip(_TRIM)
        if not line:
            return []
        if self._header is not None:
            return self._second_line(line, raw, ending)
        return self._first_line(line, raw, ending)

    def _first_line(self, line: str, raw: str, ending: str) -> list[Token]:
        pending = self._pending
        if pending is not None:
            result = final_result(line, pending)
            if result is not None and result.ok and self._answer_needed:
                return [Noise(line)]
            if result is not None:
                self.forget()
                return [Final(result, line)]
            if self._echo is not None and _is_echo(line, self._echo):
                self._echo = None
                self.echoes += 1
                return []
        prefix = prefix_of(line)
        if prefix == "+CUSD" and _text_is_open(line):
            self._open_text, self._open_end = raw.lstrip(_TRIM), ending
            return []
        if prefix in TWO_LINE_NEWS and not (prefix == "+CDS" and _is_text_mode(line)):
            self._header, self._junk = line, 0
            return []
        if pending is not None and not self._before_body and answers(line, pending):
            self._echo = None
            self._answer_needed = False
            return [Answer(line)]
        return [News(prefix or line, line) if is_news(line) else Noise(line)]

    def _second_line(self, line: str, raw: str, ending: str) -> list[Token]:
        header = self._header or ""
        if _HEX_BODY.match(line) or (_is_text_mode(header) and not line.startswith(header[:5])):
            self._header = None
            return [News(prefix_of(header), header, line)]
        if looks_final(line) or is_news(line):
            self._header = None
            return [News(prefix_of(header), header), *self._first_line(line, raw, ending)]
        self._junk += 1
        if self._junk > _JUNK_BEFORE_BODY:
            self._header = None
            return [News(prefix_of(header), header), Noise(line)]
        return [Noise(line)]

    def _continue_text(self, raw: str, ending: str) -> list[Token]:
        so_far = f"{self._open_text}{self._open_end}"
        # "\r\n\r\nOK\r\n" inside an open quote: the modem forgot the quote and the command is over.
        broken = self._pending is not None and looks_final(raw) and so_far.endswith(("\r\n\r\n", "\n\n"))
        whole = so_far if broken else so_far + raw
        self._open_text, self._open_end = whole, ending
        if not broken and _text_is_open(whole) and len(whole) < LONGEST_TEXT:
            return []
        self._open_text = None
        whole = whole.rstrip(_TRIM)
        asked = self._pending is not None and answers(whole.split("\n")[0], self._pending)
        tokens: list[Token] = [Answer(whole) if asked else News("+CUSD", whole)]
        return tokens + (self._first_line(raw.strip(_TRIM), raw, ending) if broken else [])


def _is_echo(line: str, sent: str) -> bool:
    """The echo of what was sent, perhaps without its first bytes, or with line noise before it."""
    line = line.rstrip("\x1a")
    return bool(line and sent) and (sent.endswith(line) or line.endswith(sent))


def _text_is_open(line: str) -> bool:
    """Whether the quoted text of a +CUSD still misses its closing quote."""
    opening = line.find('"')
    if opening < 0 or _CLOSED_WITH_DCS.search(line, opening + 1):
        return False
    return line.count('"') % 2 == 1


def _is_text_mode(header: str) -> bool:
    """Text mode headers have more fields than PDU mode's ``[<alpha>],<length>`` (27.005 §3.4.1).

    A +CDS in text mode has no second line.
    """
    commas = header.count(",")
    return commas >= 3 or (commas == 2 and '"' in header)
