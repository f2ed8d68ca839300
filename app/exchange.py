"""The modems' side of the house, built once: fleet, inspector, inbox, tools, what watches over SIM cards."""

from __future__ import annotations

from collections.abc import Callable

from app.core.clock import Clock
from app.core.commands import SendSms, Source
from app.core.errors import BadRequest, GatewayError, StorageFailed
from app.core.events import Events, MessageReported
from app.core.forwarding import Rule
from app.core.gateway import Gateway
from app.core.inbox import InboxMessage
from app.core.message import Message, Sent
from app.core.replies import Reply
from app.mailpost import post
from app.metrics import Metrics
from app.modems import standing as how
from app.modems.balance import BalanceChecks, Check
from app.modems.canary import Bird, Canary, Plan
from app.modems.dialer import Dial, Dialer, NetworkLink
from app.modems.finding import Finder
from app.modems.fleet import Fleet
from app.modems.forwarding import Forwarder
from app.modems.inbox import Inbox
from app.modems.inspector import Inspector
from app.modems.power import UsbPower
from app.modems.tools import Tools
from app.mqttpost import publish
from app.settings.general import General
from app.settings.inbox import Inbox as InboxSettings
from app.settings.inbox import InboxRule
from app.settings.modems import Modem
from app.settings.snapshot import Settings
from app.settings.subscribers import SubscriberMqtt
from app.settings.watching import Balance
from app.settings.watching import Canary as CanarySettings
from app.store.database import Database
from app.store.forward import SqliteForward
from app.store.inbox import SqliteInbox
from app.store.modems import ModemMemory
from app.store.otp import figures
from app.store.reports import Reported, SqliteReports
from hw.portwatch import PortWatch
from hw.sticks import card_of

KEEP_PARTS = 7 * 24 * 3600.0  # seconds that the parts of a whole message are known again

#: Sections whose change ``Exchange.apply`` wants to hear of.
SECTIONS = (General, Modem, InboxSettings, InboxRule, CanarySettings, Balance, SubscriberMqtt)


class Exchange:
    """Pages and doors use ``fleet``, ``inspector`` (offers, notices), ``messages`` (the inbox), ``outbox``
    and ``forwarder`` (what is handed on), ``canary`` and ``balances`` (state), ``tools``, ``metrics``.

    dial: makes a modem's call to the internet; link: NetworkManager, where it rules this machine.
    """

    def __init__(
        self,
        database: Database,
        memory: ModemMemory,
        clock: Clock,
        events: Events,
        dial: Dial,
        link: NetworkLink | None = None,
    ) -> None:
        self._clock = clock
        self._events = events
        self._gateway: Gateway | None = None
        self._mqtt: SubscriberMqtt | None = None
        self.messages = SqliteInbox(database)
        self.outbox = SqliteForward(database)
        self.forwarder = Forwarder(
            self.outbox,
            self.messages.one,
            clock,
            mail=lambda *mail: post(self._gateway, *mail),
            publish=lambda topic, body: publish(self._mqtt, topic, body),
            block=self._block,
        )
        self.reports = SqliteReports(database, self._reported)
        self.inbox = Inbox(self.messages, self.reports, clock, events.announce, self._came)
        self.fleet = Fleet(
            memory,
            clock,
            events.announce,
            inbox=self.inbox,
            power=UsbPower(),
            dial=lambda spec: Dialer(
                spec,
                clock,
                events.announce,
                dial,
                finder=Finder(spec, self.fleet.ports, memory),
                card_of=card_of,
                link=link,
            ),
        )
        self.inspector = Inspector(self.fleet, events.announce, clock)
        self.tools = Tools(self.fleet, memory)
        self.canary = Canary(self._birds, self._send, memory, clock, events.announce)
        self.balances = BalanceChecks(memory, self.fleet.ussd, self._sim_of, clock, events.announce)
        self.metrics = Metrics(self._figures, lambda: figures(database.read, clock.wall()), self._flights)
        events.listen(self.metrics.listen)
        self._watch = PortWatch(self.inspector.poke)

    def apply(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self.inspector.every = float(settings.one(General).inspect_modem_connection)
        inbox = settings.one(InboxSettings)
        self.forwarder.stop_words = inbox.stop_words if inbox.stop_blocks else ()
        self.forwarder.rules = [_rule(one) for one in settings.items(InboxRule).values() if one.active]
        canary = settings.one(CanarySettings)
        self.canary.plan = Plan(
            canary.active, canary.interval * 60.0, canary.daily_budget, float(canary.patience)
        )
        self.balances.checks = [
            Check(modem, one.code, one.pattern, one.threshold, one.interval * 3600.0)
            for one in settings.items(Balance).values()
            if one.active
            for modem in ([one.modem] if one.modem else settings.items(Modem))
        ]
        self._mqtt = settings.one(SubscriberMqtt)

    def start(self, gateway: Gateway) -> None:
        self._gateway = gateway
        for one in self.reports.untold():
            self._reported(one)
        self._watch.start()
        self.inspector.start()
        self.forwarder.start()

    def stop(self) -> None:
        """Messages in a modem's hands are waited for."""
        self._watch.stop()
        self.inspector.stop()
        self.forwarder.stop()
        self.fleet.stop()

    def look(self) -> None:
        """Every few seconds: whose balance is to be asked, where the canary is."""
        self.canary.look()
        self.balances.look()

    def sweep(self) -> None:
        """Once an hour, with a clock that can be trusted."""
        self.messages.sweep(self._clock.wall() - KEEP_PARTS)

    def reply(self, number: int, text: str, user: str, via: str | None = None) -> Reply:
        """Answer a message of the inbox, as `Gateway.take`. Raises BadRequest when it is gone.

        via: by this modem, "" by any; None from the number it was sent to while that modem is at work.
        """
        kept = self.messages.one(number)
        if kept is None or self._gateway is None:
            raise BadRequest("this message is no longer in the inbox")
        if via is None:
            home = kept.message.modem
            via = home if any(lane.modem == home for lane in self.fleet.lanes()) else ""
        command = SendSms("send-sms", kept.message.sender, text, via=via)
        return self._gateway.take(command, Source("admin", user))

    def _came(self, kept: InboxMessage) -> None:
        if self.canary.heard(kept):
            self.messages.delete(kept.id)  # its own messages are nobody's post
        else:
            self.forwarder.told(kept)

    def _reported(self, one: Reported) -> None:
        self._events.announce(
            MessageReported(
                one.seq,
                one.id,
                one.owner,
                one.modem,
                one.state,
                one.command,
                one.name,
                one.parts,
                one.delivered,
                one.callback,
            )
        )

    # What forwarding needs.

    def _block(self, sender: str) -> None:
        if self._gateway is None:
            raise StorageFailed("the gateway is not up yet")
        intake = self._gateway.intake
        intake.blocklist.block(intake.numbering.canonical(sender), "inbox:stop")

    # What the canary, the balance and the figures need of the fleet.

    def _birds(self) -> list[Bird]:
        found = []
        for modem, (spec, standing, _) in self.fleet.standings().items():
            number = spec.modem.msisdn or (standing.identity.msisdn if standing.identity else None)
            if standing.state == how.READY and spec.carries_messages and number:
                found.append(Bird(modem, number))
        return found

    def _send(self, modem: str, number: str, text: str, done: Callable[[bool], None]) -> None:
        now = self._clock.steady()
        message = Message(
            0, "", "canary", "canary", number.lstrip("+"), text, b"", self._clock.wall(), now + 60.0
        )
        try:
            self.fleet.submit(modem, _CanaryJob(message, self._clock, done))
        except GatewayError:
            done(False)

    def _sim_of(self, modem: str) -> str | None:
        _, standing, _ = self.fleet.standings().get(modem, (None, how.Standing(), 0))
        up = standing.state == how.READY and standing.identity is not None
        return standing.identity.iccid if up and standing.identity is not None else None

    def _figures(self) -> dict[str, dict[str, object]]:
        return {
            modem: {"state": standing.state, "rssi": standing.signal.rssi, "queued": queued}
            for modem, (_, standing, queued) in self.fleet.standings().items()
        }

    def _flights(self) -> list[tuple[str, str, float | None, bool]]:
        return [(one.sender, one.receiver, one.seconds, one.lost) for one in self.canary.state()]


def _rule(one: InboxRule) -> Rule:
    return Rule(
        one.name,
        one.modem,
        one.sender,
        one.words,
        one.webhook,
        one.webhook_secret,
        one.email,
        one.mqtt_topic,
    )


class _CanaryJob:
    """A message of the canary: no row in the ledger, no second try."""

    def __init__(self, message: Message, clock: Clock, done: Callable[[bool], None]) -> None:
        self.message = message
        self._clock = clock
        self._done = done

    def overdue(self) -> bool:
        return self._clock.steady() >= self.message.deadline

    def expire(self) -> None:
        self._done(False)

    def elsewhere(self) -> bool:
        return False

    def returned(self, why: GatewayError) -> None:
        self._done(False)

    def begin(self) -> None: ...

    def confirm(self) -> None: ...

    def sent(self, sent: Sent) -> None:
        self._done(True)

    def refused(self, why: GatewayError) -> None:
        self._done(False)

    def unknown(self, why: GatewayError) -> None:
        self._done(False)
