"""One SMTP conversation: smtplib with an end to every wait, and its words told to whoever listens."""

from __future__ import annotations

import base64
import hmac
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from app.core.clock import Clock

Tell = Callable[[str, str], None]  # ("C" or "S", one line without credentials)

LONGEST_REPLY = 64 * 1024  # octets of one reply with all its lines


class Dialogue(smtplib.SMTP):
    """All waits together end after ``seconds``: a server that drips its words is as bad as a silent one."""

    def __init__(self, local_name: str, clock: Clock, seconds: float, connecting: float, tell: Tell) -> None:
        super().__init__(local_hostname=local_name)
        self._clock = clock
        self._end = clock.steady() + seconds
        self._connecting = connecting
        self._tell = tell
        self._pending = b""
        self._hushed = False
        self._secrets: tuple[str, ...] = ()
        self._tls_from_start: ssl.SSLContext | None = None

    def open(self, host: str, port: int, tls: ssl.SSLContext | None) -> tuple[int, str]:
        """Connect, with TLS from the start where a context is given; the greeting comes back."""
        self._host = host  # the name the certificate must be for, here and in STARTTLS
        self._tls_from_start = tls
        code, words = self.connect(host, port)
        return code, text(words)

    def allow(self, seconds: float) -> None:
        """From now on at least so many seconds."""
        self._end = max(self._end, self._clock.steady() + seconds)

    def say(self, command: str, args: str = "") -> tuple[int, str]:
        code, words = self.docmd(command, args)
        return code, text(words)

    def start_tls(self, context: ssl.SSLContext) -> tuple[int, str]:
        """STARTTLS (RFC 3207). Octets that came before the handshake are somebody else's: refused."""
        code, words = self.say("STARTTLS")
        if code != 220:
            return code, words
        if self._pending:
            raise smtplib.SMTPServerDisconnected("the server spoke before TLS began: somebody interferes")
        assert self.sock is not None
        self.sock.settimeout(self._left())
        self.sock = context.wrap_socket(self.sock, server_hostname=self._host)
        self._told("C", "(TLS begins)")
        # What was said before TLS counts for nothing (RFC 3207 §4.2).
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        return code, words

    def sign_in(self, user: str, password: str, protected: bool) -> tuple[int, str]:
        """AUTH (RFC 4954) by the best mechanism both know; in the clear CRAM-MD5 goes first."""
        offered = self.esmtp_features.get("auth", "").upper().split()
        order = ["PLAIN", "LOGIN", "CRAM-MD5"] if protected else ["CRAM-MD5", "PLAIN", "LOGIN"]
        mechanism = next((one for one in order if one in offered), None)
        if mechanism is None:
            return 504, "the server offers no way to sign in that this device knows"
        name, word = user.encode(), password.encode()
        plain = _encoded(b"\0" + name + b"\0" + word)
        self._secrets = tuple(one for one in (password, _encoded(word), plain) if len(one) > 2)
        self._hushed = True
        try:
            if mechanism == "PLAIN":
                return self.say("AUTH", f"PLAIN {plain}")
            if mechanism == "LOGIN":
                code, words = self.say("AUTH", "LOGIN")
                for answer in (name, word):
                    if code == 334:
                        code, words = self.say(_encoded(answer))
                return code, words
            code, words = self.say("AUTH", "CRAM-MD5")
            if code == 334:
                proof = hmac.digest(word, base64.b64decode(words), "md5").hex()
                code, words = self.say(_encoded(name + b" " + proof.encode()))
            return code, words
        finally:
            self._hushed = False

    def hand_over(self, octets: bytes, what: str) -> None:
        """Send octets that are no command; ``what`` stands for them in the record."""
        self._told("C", what)
        self.send(octets)

    def part(self) -> None:
        """QUIT, without waiting long for a good-bye."""
        self._end = min(self._end, self._clock.steady() + 1.0)
        try:
            if self.sock is not None:
                self.docmd("QUIT")
        except (OSError, smtplib.SMTPException):
            pass
        self.close()

    # What smtplib calls.

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        problem: OSError = OSError("no address")
        for family, kind, proto, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            connection = socket.socket(family, kind, proto)
            try:
                connection.settimeout(min(self._connecting, self._left()))
                connection.connect(address)
                if self._tls_from_start is None:
                    return connection
                return self._tls_from_start.wrap_socket(connection, server_hostname=host)
            except OSError as error:
                problem = error
                connection.close()
        raise problem

    def putcmd(self, cmd: str, args: str = "") -> None:
        if not self._hushed:
            self._told("C", f"{cmd} {args}".rstrip())
        elif cmd == "AUTH":
            self._told("C", f"AUTH {args.split(' ')[0]}{' ***' if ' ' in args else ''}")
        else:
            self._told("C", "***")
        super().putcmd(cmd, args)

    def send(self, s: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._left())
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """One reply, all its lines (RFC 5321 §4.2)."""
        lines: list[bytes] = []
        length = 0
        while True:
            line = self._line()
            code, more, words = line[:3], line[3:4], line[4:]
            if not code.isdigit() or len(code) != 3:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server speaks no SMTP")
            lines.append(words.strip())
            length += len(line)
            if length > LONGEST_REPLY:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server's reply does not end")
            if more != b"-":
                return int(code), b"\n".join(lines)

    def close(self) -> None:
        self._pending = b""
        super().close()

    def _line(self) -> bytes:
        while b"\n" not in self._pending:
            if self.sock is None:
                raise smtplib.SMTPServerDisconnected("there is no connection")
            if len(self._pending) > LONGEST_REPLY:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server's reply does not end")
            self.sock.settimeout(self._left())
            octets = self.sock.recv(4096)
            if not octets:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            self._pending += octets
        line, _, self._pending = self._pending.partition(b"\n")
        line = line.rstrip(b"\r")
        self._told("S", text(line))
        return line

    def _left(self) -> float:
        left = self._end - self._clock.steady()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _told(self, who: str, line: str) -> None:
        for secret in self._secrets:
            line = line.replace(secret, "***")
        self._tell(who, line)


def text(octets: bytes) -> str:
    """A server's words as one printable line."""
    words = octets.decode("utf-8", "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
