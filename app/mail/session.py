"""Hands one letter to one server, and says of every failure whether anything can have gone out."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from app.core.clock import Clock
from app.mail.account import Account, Tls
from app.mail.dialogue import Dialogue, Tell, text
from app.mail.letter import Letter

# RFC 3463: the recipient does not exist, is badly written, has moved, or takes no mail at all. No other
# account could change that.
_NO_SUCH_MAILBOX = re.compile(r"5\.1\.(1|3|6|10)\b")
# RFC 3463 §3.4, §3.5: the server or this account has sent enough, whoever the recipient is. X.3.4 says that
# this letter is too large.
_ACCOUNTS_OWN = re.compile(r"[45]\.(3\.[0-35-9]|4\.5)\b")
_TOO_LARGE = re.compile(r"^552\b|5\.3\.4\b")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. RFC 5321 §4.5.3.2 would allow minutes a step, but somebody waits for a code.

    connecting: to one address of the server; handing_over: everything up to the last dot; verdict: what a
    server gets at least to think about a whole mail, because giving up then means an unknown outcome.
    """

    connecting: float = 10.0
    handing_over: float = 45.0
    verdict: float = 60.0


SENDER = "refused the sender"


class Failure(Exception):
    """Root of what can go wrong with one try; the text is a sentence that may be shown."""


class AccountFault(Failure):
    """Nothing was sent, and the account or its server is to blame: the next one may try."""


class LetterFault(Failure):
    """Nothing was sent because of this letter. hopeless: no other account would do better."""

    def __init__(self, sentence: str, hopeless: bool = False) -> None:
        super().__init__(sentence)
        self.hopeless = hopeless


class Silence(Failure):
    """The whole letter was handed over and no verdict came: it may have been sent."""


def verifying() -> ssl.SSLContext:
    """The system's authorities, the name checked, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Session:
    """A connection that is signed in and waits for a letter. As a context manager it parts politely."""

    def __init__(
        self,
        account: Account,
        local_name: str,
        clock: Clock,
        tls: ssl.SSLContext,
        tell: Tell = lambda who, line: None,
        patience: Patience | None = None,
    ) -> None:
        self._account = account
        self._tls = tls
        self._patience = patience = patience or Patience()
        self._talk = Dialogue(local_name, clock, patience.handing_over, patience.connecting, tell)

    def __enter__(self) -> Session:
        try:
            self._begin()
        except BaseException:
            self._talk.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, (AccountFault, LetterFault)):
            self._talk.part()
        else:
            # Not even QUIT: an unfinished letter must stay unfinished.
            self._talk.close()

    def _begin(self) -> None:
        account, talk = self._account, self._talk
        from_start = account.tls is Tls.FROM_START
        self._step(
            "greeted us with",
            lambda: talk.open(account.host, account.port, self._tls if from_start else None),
        )
        self._hello()
        protected = from_start
        offered = talk.has_extn("starttls")
        if account.tls is Tls.STARTTLS and not offered:
            raise AccountFault(f"{account.place} offers no STARTTLS; without it nothing is sent")
        if account.tls is Tls.STARTTLS or (account.tls is Tls.IF_OFFERED and offered):
            context = self._tls if account.tls is Tls.STARTTLS else _unverified()
            self._step("refused STARTTLS", lambda: talk.start_tls(context))
            self._hello()
            protected = True
        if account.login:
            self._step(
                "refused the account or its password",
                lambda: talk.sign_in(account.login, account.password, protected),
            )

    def _hello(self) -> None:
        talk = self._talk
        try:
            code, _ = talk.ehlo()
            if not 200 <= code <= 299:
                self._step("refused HELO", lambda: talk.say("HELO", talk.local_hostname))
        except (OSError, smtplib.SMTPException) as error:
            raise AccountFault(self._broken(error)) from error

    def offer(self, letter: Letter) -> None:
        """Everything but the last dot (RFC 5321 §4.1.1.4): until that follows, the server may not send it.

        Raises AccountFault or LetterFault.
        """
        talk = self._talk
        options = []
        if talk.has_extn("size"):
            options.append(f"SIZE={len(letter.octets)}")
        if letter.international:
            if not talk.has_extn("smtputf8"):
                raise LetterFault(
                    f"{self._account.place} takes no international addresses (SMTPUTF8); nothing was sent"
                )
            options.append("SMTPUTF8")
            talk.command_encoding = "utf-8"
        if not letter.octets.isascii() and talk.has_extn("8bitmime"):
            options.append("BODY=8BITMIME")
        asks = " ".join(["", *options])
        self._letter_step(SENDER, lambda: talk.say("MAIL", f"FROM:<{letter.sender}>{asks}"), letter)
        self._letter_step(
            "refused the recipient", lambda: talk.say("RCPT", f"TO:<{letter.recipient}>"), letter
        )
        self._letter_step("refused the mail", lambda: talk.say("DATA"), letter, 354)
        try:
            talk.hand_over(letter.stuffed(), f"(the mail, {len(letter.octets)} octets)")
        except (OSError, smtplib.SMTPException) as error:
            talk.close()  # no QUIT: here it would be a line of the mail
            raise AccountFault(self._broken(error)) from error

    def finish(self, letter: Letter) -> str:
        """The last dot and the server's verdict, in its words. Raises Silence and what ``offer`` raises."""
        talk = self._talk
        talk.allow(self._patience.verdict)
        try:
            talk.hand_over(b".\r\n", ".")
            code, octets = talk.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Silence(
                f"{self._account.place} took the mail and said nothing more; it may have been sent"
            ) from error
        words = letter.cleared(f"{code} {text(octets)}")
        if 200 <= code <= 299:
            return words
        raise self._judged("refused the mail", code, words)

    def _step(self, what: str, ask: Callable[[], tuple[int, str]]) -> None:
        """A step whose refusal is the account's own fault."""
        try:
            code, words = ask()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise AccountFault(self._broken(error)) from error
        if not 200 <= code <= 299:
            raise AccountFault(f"{self._account.place} {what}: {code} {self._cut(words)}")

    def _letter_step(
        self, what: str, ask: Callable[[], tuple[int, str]], letter: Letter, wanted: int = 250
    ) -> None:
        try:
            code, words = ask()
        except ValueError as error:
            raise LetterFault(
                "the address cannot be told to a mail server; nothing was sent", True
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise AccountFault(self._broken(error)) from error
        if code // 100 != wanted // 100:
            raise self._judged(what, code, letter.cleared(f"{code} {words}"))

    def _judged(self, what: str, code: int, words: str) -> Failure:
        sentence = f"{self._account.place} {what}: {self._cut(words)}"
        # 421: the server is about to close, whatever the letter (RFC 5321 §3.8).
        if code == 421 or _ACCOUNTS_OWN.search(words):
            return AccountFault(sentence)
        if what == SENDER and not _TOO_LARGE.search(words):
            return AccountFault(sentence)
        return LetterFault(sentence, hopeless=bool(_NO_SUCH_MAILBOX.search(words)))

    def _broken(self, error: Exception) -> str:
        place = self._account.place
        match error:
            case ssl.SSLCertVerificationError():
                return f"the certificate of {place} is not trusted: {error.verify_message}"
            case ssl.SSLError():
                return f"TLS with {place} failed: {(error.reason or 'handshake').replace('_', ' ').lower()}"
            case TimeoutError():
                return f"{place} did not answer in time"
            case socket.gaierror():
                return f"the name {self._account.host} was not found: check the host name and the network"
            case ConnectionRefusedError():
                return f"{place} refused the connection: check the port"
            case smtplib.SMTPServerDisconnected():
                return f"{place}: {self._cut(str(error))}"
            case OSError():
                return f"{place} cannot be reached: {error.strerror or type(error).__name__}"
            case _:
                return f"the conversation with {place} failed: {type(error).__name__}"

    def _cut(self, words: str) -> str:
        if self._account.password and len(self._account.password) > 2:
            words = words.replace(self._account.password, "***")
        return words if len(words) <= 200 else words[:200] + "…"
