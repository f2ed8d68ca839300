"""A GSM modem: start it, send messages through it, read and delete what came in, ask the network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from hw.at import replies, stored
from hw.at.channel import AtChannel
from hw.at.codec import News
from hw.errors import AtError, HwError, OutcomeUnknown, PartlySent, PortLost, Restarted
from hw.gsm import ussd
from hw.gsm.dialects import GENERIC, Dialect, says
from hw.gsm.events import Event, ModemRestarted, PortGone, UssdArrived
from hw.gsm.imei import completed
from hw.gsm.news import event_of
from hw.gsm.pdu import SubmitPdu
from hw.gsm.session import USSD_TIMEOUT, UssdSession
from hw.gsm.start import SIM_PATIENCE, Identity, PinRecord, Starter, is_busy
from hw.gsm.stores import Stores
from hw.gsm.ussd import UssdAnswer
from hw.ports import Line, open_port

log = logging.getLogger(__name__)

PROMPT_TIMEOUT = 10.0
_RETRY_PAUSE = 0.5
#: Refusals that say nothing about the message: try the same part again (27.005 §3.2.5, 24.011 annex E).
#: Not 332: after a network timeout the network may have it.
_TEMPORARY = {38, 41, 42, 47, 111, 302, 314, 331, 500, 515}


class GsmModem:
    """One modem on one port. Methods may be called from any thread and take turns.

    on_event is called from the reading thread and must only enqueue. Errors: PortLost once the port is
    gone (this object is of no more use then), AtTimeout, AtError; others where they are named.
    """

    def __init__(
        self,
        channel_of: Callable[[Callable[[News], None], Callable[[PortLost], None]], AtChannel],
        *,
        on_event: Callable[[Event], None] | None = None,
        send_timeout: float | None = None,
        prompt_timeout: float = PROMPT_TIMEOUT,
    ) -> None:
        self._on_event = on_event
        self._send_timeout = send_timeout
        self._prompt_timeout = prompt_timeout
        self._dialect: Dialect = GENERIC
        self._started = False
        self._link_kept = False
        self.identity: Identity | None = None
        self._session: UssdSession | None = None  # the reading thread may speak before it is there
        self._channel = channel_of(self._hear, self._port_lost)
        self._session = UssdSession(self._channel)
        self._stores = Stores(self._channel)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        line: Line | None = None,
        on_event: Callable[[Event], None] | None = None,
        name: str | None = None,
        send_timeout: float | None = None,
        prompt_timeout: float = PROMPT_TIMEOUT,
    ) -> GsmModem:
        """Open the port; start() comes next. send_timeout: seconds from Ctrl-Z to +CMGS, by family if None.

        Raises DeviceMissing, PortBusy, HwError.
        """
        port = open_port(url, line)

        def channel_of(news: Callable[[News], None], lost: Callable[[PortLost], None]) -> AtChannel:
            return AtChannel(port, on_news=news, on_lost=lost, name=name or url)

        return cls(channel_of, on_event=on_event, send_timeout=send_timeout, prompt_timeout=prompt_timeout)

    def start(
        self,
        pin: str | None = None,
        pins: PinRecord | None = None,
        *,
        patience: float = SIM_PATIENCE,
        baud: int | None = None,
    ) -> Identity:
        """Make the modem ready for messages; also after ModemRestarted. The inbox is the caller's to read.

        pins tells whether this PIN must be kept back; it is given once at most.
        patience: seconds that the SIM may need. baud: the rate to hold a modem to that would guess it anew.
        Raises PinNeeded, PinKeptBack, PinRefused, SimBlocked, SimMissing.
        """
        self._started = False
        self.identity = Starter(self._channel, pin=pin, pins=pins, patience=patience, baud=baud).run()
        self._dialect = self.identity.dialect
        self._link_kept = False
        self._settle()
        self._keep_link()
        self._started = True
        return self.identity

    def _settle(self) -> None:
        store = self.identity.store if self.identity is not None else None
        self._stores.settle(store.name if store is not None else None)

    def who(self) -> str | None:
        """The IMEI of whoever is at the port, before anything about it is changed. Raises AtTimeout."""
        self._channel.knock()
        found = replies.imei(self._channel.ask("AT+CGSN").lines)
        return completed(found) if found else None

    def take_up(self, known: Identity) -> Identity:
        """Go on with a modem that was made ready before, through a port that was opened anew.

        Raises AtTimeout, AtError; HwError when another modem answers. A modem that forgot its settings
        meanwhile is announced as ModemRestarted.
        """
        self._channel.resync()
        echoes = self._channel.echoes
        imei = replies.imei(self._channel.ask("AT+CGSN").lines)
        self._channel.echo_is_off = self._channel.echoes == echoes
        if known.imei is not None and (imei is None or completed(imei) != known.imei):
            raise HwError("Another modem answers at this port than before.")
        self.identity, self._dialect = known, known.dialect
        self._settle()
        self._started = True
        self.resync()
        return known

    @property
    def dialect(self) -> Dialect:
        """The family's profile; the generic one before start()."""
        return self._dialect

    @property
    def unknown_lines(self) -> list[str]:
        """The latest lines that nobody knows. For a person's eyes only: they may hold anything."""
        return list(self._channel.unknown)

    # Sending

    def send_sms(
        self,
        parts: Sequence[SubmitPdu],
        *,
        before_body: Callable[[], None] | None = None,
        more_to_follow: bool = False,
    ) -> list[int]:
        """Send the parts of one message; returns the network's references, in order.

        before_body runs once, after the first prompt and before the first PDU; if it raises, nothing was
        sent and its exception goes on. more_to_follow keeps the radio link for the next message.
        AtError, AtTimeout, PortLost: nothing was sent. PartlySent: a later part was refused.
        OutcomeUnknown: silence, or a lost port, after a part was handed over.
        """
        if (more_to_follow or len(parts) > 1) and not self._link_kept:
            self._keep_link()
        references: list[int] = []
        for place, part in enumerate(parts):
            gate = before_body if place == 0 else None
            try:
                references.append(self._send_part(part, gate))
            except OutcomeUnknown as error:
                raise OutcomeUnknown(str(error), place, len(parts)) from error
            except HwError as error:
                if isinstance(error, Restarted):
                    self._restarted()
                if place == 0:
                    raise
                references.append(self._again(part, error, place, len(parts)))
        return references

    def _keep_link(self) -> None:
        """Keep the radio link between messages from now on (27.005 §3.5.6); not asked for each message."""
        try:
            self._channel.ask("AT+CMMS=2")
        except AtError as error:
            self._link_kept = not is_busy(error)  # those that refuse for good are not asked again
        else:
            self._link_kept = True

    def _send_part(self, part: SubmitPdu, gate: Callable[[], None] | None) -> int:
        reply = self._channel.submit(
            f"AT+CMGS={part.tpdu_length}",
            part.hex,
            prompt_timeout=self._prompt_timeout,
            timeout=self._send_timeout or self._dialect.send_timeout,
            before_body=gate,
        )
        reference = stored.reference(reply.lines)
        return -1 if reference is None else reference

    def _again(self, part: SubmitPdu, refusal: HwError, accepted: int, total: int) -> int:
        """A later part was not taken: once more where that may help, or the message stays in pieces."""
        partly = PartlySent(f"Part {accepted + 1} of {total} was not taken: {refusal}", accepted, total)
        if isinstance(refusal, PortLost) or (isinstance(refusal, AtError) and refusal.code not in _TEMPORARY):
            raise partly from refusal
        self._channel.pause(_RETRY_PAUSE)
        try:
            return self._send_part(part, None)
        except OutcomeUnknown as error:
            raise OutcomeUnknown(str(error), accepted, total) from error
        except HwError as error:
            raise partly from error

    # Asking the modem

    def signal(self) -> replies.Signal:
        """Signal quality now."""
        return replies.signal(self._channel.ask("AT+CSQ").lines)

    def registration(self) -> replies.Registration:
        """Registration with the network: circuit switched, else LTE, else packet."""
        best = replies.registration(self._channel.ask("AT+CREG?").lines)
        for command in ("AT+CEREG?", "AT+CGREG?"):
            if best.sms_capable:
                return best
            with suppress(AtError):
                other = replies.registration(self._channel.ask(command).lines)
                if other.sms_capable:
                    best = other
        return best

    def operator(self) -> replies.Operator:
        """The operator, by name where the modem knows it."""
        charset = self.identity.charset if self.identity else None
        return replies.operator(self._channel.ask("AT+COPS?").lines, charset)

    def ask(self, command: str, timeout: float | None = None) -> tuple[str, ...]:
        """A single command for tools; the answer's lines. Raises UnsafeCommand for more than one command."""
        return self._channel.ask(command, timeout).lines

    # The inbox

    def list_sms(self) -> list[stored.Stored]:
        """All messages in the store, read or not; entries without PDU could not be read."""
        return self._stores.list()

    def read_sms(self, index: int, store: str | None = None) -> stored.Stored | None:
        """One message; None for an empty place. store: where the news said that it lies."""
        return self._stores.read(index, store)

    def delete_sms(self, index: int, store: str | None = None) -> None:
        """Delete one message, after it was persisted; store as for reading. An empty place is fine."""
        self._stores.delete(index, store)

    def lies_elsewhere(self, store: str | None) -> bool:
        """Whether news name another store than the one in use, whose places have the same numbers."""
        return self._stores.elsewhere(store)

    def store(self) -> replies.Store | None:
        """The store in use and how full it is."""
        return next(iter(replies.stores(self._channel.ask("AT+CPMS?").lines)), None)

    # USSD

    def request_ussd(self, code: str, timeout: float = USSD_TIMEOUT) -> UssdAnswer:
        """Ask the network with a code such as ``*100#``. Raises UnsafeCommand, AtTimeout (no answer)."""
        return self._ask_network(ussd.checked_code(code), timeout)

    @property
    def ussd_open(self) -> bool:
        """Whether the network waits for an answer."""
        return self._session is not None and self._session.open

    def answer_ussd(self, text: str, timeout: float = USSD_TIMEOUT) -> UssdAnswer:
        """Answer a menu; only while the last answer was replyable."""
        return self._ask_network(text, timeout)

    def cancel_ussd(self) -> None:
        """End the session; fine if there is none."""
        assert self._session is not None
        self._session.open = False
        with suppress(AtError):
            self._channel.ask("AT+CUSD=2")

    def _ask_network(self, text: str, timeout: float) -> UssdAnswer:
        charset = self.identity.charset if self.identity else None
        assert self._session is not None
        return self._session.ask(text, self._dialect.ussd, charset, timeout)

    # Trouble

    def resync(self) -> None:
        """Get back in step after silence. Raises AtTimeout. Announces ModemRestarted if settings are gone."""
        lines = self._channel.resync().lines
        if self._started and any(line.startswith("+CMGF: 1") for line in lines):
            self._restarted()

    def reset(self, kind: str = "modem") -> None:
        """Restart: ``radio`` (CFUN cycle, the port stays), ``modem`` or ``full`` (the port may go away)."""
        command = self._dialect.reset.get(kind)
        if command is None:
            raise ValueError(f"there is no reset of kind {kind!r}")
        self._channel.ask(command, 40.0)
        if kind == "radio":
            self._channel.pause(1.0)
            self._channel.ask("AT+CFUN=1")
        self._started = False

    def close(self) -> None:
        """Close the port. From any thread; whoever waits gets PortLost."""
        self._channel.close()

    def __enter__(self) -> GsmModem:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the reading thread hears

    def _hear(self, news: News) -> None:
        if self._started and says(news.text, self._dialect.boot):
            self._restarted()
            return
        if news.prefix == "+CUSD":
            charset = self.identity.charset if self.identity else None
            answer = ussd.read(replies.ussd(news.text), charset)
            if self._session is None or not self._session.take(answer):
                self._tell(UssdArrived(answer))
            return
        event = event_of(news)
        if event is not None:
            self._tell(event)

    def _restarted(self) -> None:
        self._started = False
        self._tell(ModemRestarted())

    def _port_lost(self, error: PortLost) -> None:
        if self._session is not None:
            self._session.fail(error)
        self._tell(PortGone(str(error)))

    def _tell(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)
