"""Read answers of modems that stay in text mode although PDU mode was chosen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from hw.at.fields import bare, number, split, value_of

_STAMP = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?$")


@dataclass(frozen=True)
class TextEntry:
    """A message of a text mode listing (27.005 §3.4.2); sent: the service centre's time, or None."""

    index: int | None
    status: str
    number: str
    text: str = field(repr=False)
    sent: datetime | None


@dataclass(frozen=True)
class TextReport:
    """A delivery report in text mode: ``[<stat>,]<fo>,<mr>,<ra>,<tora>,<scts>,<dt>,<st>`` (27.005 §3.4.2)."""

    reference: int
    number: str
    sent: datetime | None
    done: datetime | None
    status: int


def timestamp(text: str) -> datetime | None:
    """``13/01/28,14:51:42+08`` with its zone in quarters of an hour; None if it is no date."""
    match = _STAMP.match(bare(text).strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    zone = timezone(timedelta(minutes=15 * int(match[7] or 0)))
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def listing(lines: Sequence[str]) -> list[TextEntry]:
    """``+CMGL: 0,"REC UNREAD","+27…",,"13/01/28,14:51:42+08"`` and the text in the lines below."""
    entries: list[TextEntry] = []
    for line in lines:
        parts = split(value_of(line)) if line.startswith("+CMGL:") else []
        if len(parts) >= 3 and parts[1].startswith('"'):
            sent = timestamp(parts[4]) if len(parts) > 4 else None
            entries.append(TextEntry(number(parts[0]), bare(parts[1]), bare(parts[2]), "", sent))
        elif entries:
            last = entries[-1]
            text = f"{last.text}\n{line}" if last.text else line
            entries[-1] = TextEntry(last.index, last.status, last.number, text, last.sent)
    return entries


def report(line: str) -> TextReport | None:
    """A report in +CDS or +CMGR; None when the line is something else."""
    parts = split(value_of(line))
    if line.startswith("+CMGR:"):
        parts = parts[1:]
    if len(parts) != 7:
        return None
    first, mr, status = number(parts[0]), number(parts[1]), number(parts[6])
    # TP-MTI 2 is SMS-STATUS-REPORT (23.040 §9.2.3.1)
    if first is None or mr is None or status is None or first & 3 != 2:
        return None
    return TextReport(mr, bare(parts[2]), timestamp(parts[4]), timestamp(parts[5]), status)
