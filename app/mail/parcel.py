"""The octets of a mail that comes in, counted line by line against the room there is for all of them."""

from __future__ import annotations

import asyncio

from app.mail.reception import LARGEST_MAIL

ROOM = 4 * LARGEST_MAIL  # octets of all mails that came in and did not end
# What a line counts for at least: taking a mail apart costs memory for each line, however short.
SHORTEST_LINE = 40


class Room:
    """How many octets of mail may be here at a time. Belongs to the loop of the server."""

    def __init__(self, octets: int = ROOM) -> None:
        self.free = octets

    def take(self, octets: int) -> bool:
        if octets > self.free:
            return False
        self.free -= octets
        return True

    def give(self, octets: int) -> None:
        self.free += octets


class Parcel:
    """One mail. refusal: the reply to give instead of taking it, or nothing."""

    def __init__(self, room: Room) -> None:
        self.content = bytearray()
        self.refusal = ""
        self._room = room
        self._held = 0

    async def read(self, lines: asyncio.StreamReader) -> None:
        """Up to the lone dot (RFC 5321 §4.1.1.4); what is refused is read to its end all the same."""
        try:
            await self._read(lines)
        except BaseException:  # the visitor left
            self.leave()
            raise

    async def _read(self, lines: asyncio.StreamReader) -> None:
        at_begin = True
        while True:
            try:
                line = await lines.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as overrun:
                self._refuse("500 5.5.2 a line is longer than mail may have (RFC 5321 4.5.3.1.6)")
                await lines.read(overrun.consumed)
                at_begin = False
                continue
            if at_begin and line == b".\r\n":
                return
            self._add(line[1:] if line.startswith(b".") else line)
            at_begin = True

    def leave(self) -> None:
        """Its octets are not held here any more; once or often."""
        self._room.give(self._held)
        self._held = 0

    def _add(self, line: bytes) -> None:
        if self.refusal:
            return
        octets = max(len(line), SHORTEST_LINE)
        if self._held + octets > LARGEST_MAIL:
            self._refuse(f"552 5.3.4 the mail is too large: {LARGEST_MAIL >> 20} MiB is the limit")
        elif not self._room.take(octets):
            self._refuse("452 4.3.1 too much mail is on its way at once; try again in a moment")
        else:
            self._held += octets
            self.content += line

    def _refuse(self, reply: str) -> None:
        self.refusal = self.refusal or reply
        self.content.clear()
        self.leave()
