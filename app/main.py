"""Builds every object of the gateway once, in reading order; starts it and stops it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from app.bell import Bell
from app.brokers import Brokers
from app.core.blocklist import BlockList
from app.core.clock import Clock, HeldClock, SystemClock
from app.core.delivery import Delivery
from app.core.digest import KeyedDigest
from app.core.duplicates import Duplicates
from app.core.errors import StorageFailed
from app.core.events import ClockStepped, Events
from app.core.gateway import Gateway
from app.core.intake import Intake, Rules
from app.core.msisdn import Numbering
from app.core.otp import OtpBook, OtpPolicy
from app.core.pulse import Pulse
from app.core.recovery import recover
from app.core.routing import Router
from app.ddns.office import DdnsOffice
from app.exchange import Exchange
from app.inforce import InForce
from app.jobs import ClockWatch, Jobs
from app.mail.office import MailOffice
from app.maildoor import MailDoor
from app.memory import trim
from app.metrics import CONTENT_TYPE as metrics_type
from app.numbering import normalise
from app.pages import Pages
from app.settings.blocking import BlockedNumber
from app.settings.general import General
from app.settings.passwords import verify_password
from app.settings.problems import Problem, SettingsError
from app.settings.snapshot import Settings
from app.settings.store import Loaded, SettingsStore
from app.settings.watch import Changed, Watcher
from app.store.atomic import write_secret
from app.store.audit import Audit
from app.store.choice import choose
from app.store.database import Database
from app.store.ddns import DdnsHistory
from app.store.keys import DeviceKeys
from app.store.mail import MailUsage
from app.store.modems import ModemMemory
from app.store.places import Places
from app.store.spool import FileSpool
from app.system.dbus import SystemRefused
from app.system.device import NOT_OURS, Device, Surroundings, machine
from app.system.dialling import UnitCall
from app.system.mobile import MobileLink
from app.system.watchdog import Watchdog
from app.web import figures
from app.web.api import Api, Page
from app.web.doors import ApiDoors, names_of
from app.web.pool import Pool
from app.web.server import WebServer
from app.web.signin import SignIn, User

if TYPE_CHECKING:
    from app.settings.keypair import KeyPair

log = logging.getLogger(__name__)

KEEP_MESSAGES = 90 * 24 * 3600.0  # seconds an ended message stays in the ledger
SETTLING = 300.0  # seconds for everybody to take over one round of changed settings
HOUR = 3600.0


class Service:
    """The gateway of one home folder.

    pages: further pages on the API's ports, such as the simulated handset's. admin_ports: HTTP and HTTPS of
    the browser admin, 0 for none.
    """

    def __init__(
        self,
        places: Places,
        store: SettingsStore,
        loaded: Loaded,
        pages: Mapping[str, Page] | None = None,
        around: Surroundings | None = None,
        admin_ports: tuple[int, int] = (0, 0),
    ) -> None:
        settings = loaded.settings
        self._store = store
        self._acme = places.tls / "acme.pem"
        around = around or machine()

        # What outlives a restart.
        places.make()
        keys = DeviceKeys(places.keys)
        self.clock: Clock = SystemClock()
        self._held = HeldClock()  # what is on record of codes and messages is moved when it steps
        self.database = Database(places.database)
        self.spool = FileSpool(places.spool, self._held)
        device = keys.key("brokers").hex()[:12]
        remembered = choose(settings.one(General), self.database, keys, device)
        self.otp_store, self.ledger, digest = remembered.otp, remembered.ledger, remembered.digest
        memory = ModemMemory(self.database, KeyedDigest(keys.key("modems")))

        # The modems, and the domain that uses them.
        self.events = Events()
        dial = partial(UnitCall, around.bus) if around.ours else _no_call
        link = MobileLink(around.bus) if around.ours else None
        self.exchange = Exchange(self.database, memory, self.clock, self.events, dial, link)
        self.fleet = self.exchange.fleet
        self.mail_usage = MailUsage(self.database)
        self.mail = MailOffice(settings, self.mail_usage, self.clock)
        self.delivery = Delivery(
            self.ledger, self.fleet, self.mail, Router(), self._held, self.events.announce
        )
        self.intake = Intake(
            otp=OtpBook(self.otp_store, digest, self._held, OtpPolicy()),
            delivery=self.delivery,
            duplicates=Duplicates(self.ledger, self._held),
            blocklist=BlockList(self._keep_blocked),
            numbering=Numbering("62", normalise),
            ledger=self.ledger,
            spool=self.spool,
            digest=digest,
            clock=self._held,
            rules=Rules(),
        )
        self.gateway = Gateway(self.intake, self.fleet, self.ledger)

        # The doors.
        self.sign_in: SignIn[User] = SignIn(verify_password)
        pool = Pool()
        more = figures.pages(self.exchange.metrics.render, metrics_type) | dict(pages or {})
        self.api = Api(
            self.gateway, self.sign_in, pool.waiting, self.ready, more, beside=lambda: self.brokers.health()
        )
        self.server = WebServer(self.api.app, pool)
        self.brokers = Brokers(
            self.gateway,
            settings,
            self.events.announce,
            self.clock,
            usable=self.fleet.usable,
            device=device,
        )
        self.events.listen(lambda event: self.brokers.hear(event, self.exchange.reports.told))
        self.mail_door = MailDoor(self.sign_in)
        self.doors = ApiDoors(
            self.server,
            self.api,
            places.tls,
            self.clock,
            names=lambda: names_of(self.settings),
            passing=lambda: self.device.own_addresses(),
        )

        # The device around it, and its name in the world.
        self.ddns = DdnsOffice(
            settings,
            DdnsHistory(self.database),
            places.home / "certificates",
            self.clock,
            self._serve_certificate,
            self._withdraw_certificate,
        )
        self.device = Device(store, places.home, self.clock, around, self._tell_reset)
        self.bell = Bell(around.sound, self.clock)
        self.events.listen(self.bell.hear)

        self.admin = Pages(self, places, store, admin_ports)
        self.in_force = InForce(settings, self, self._acme)

        # What goes on by itself.
        self._stopping = threading.Event()
        self._watcher = Watcher(store, loaded)
        self._watching = threading.Thread(target=self._watch, name="settings", daemon=True)
        self._looking = Pulse(self.clock, SETTLING)
        self.jobs = Jobs(self.clock)
        self.jobs.every(0.25, "queues", self._tend_queues)
        self.jobs.every(5.0, "SIM cards", self.exchange.look)
        self.jobs.every(1.0, "clock", ClockWatch(self._held, self._clock_stepped).look)
        self.jobs.every(1.0, "ledger", self.ledger.settle)
        self.jobs.every(HOUR, "sweep", self._sweep)
        self.jobs.every(1.0, "device", self.device.look)
        self.watchdog = Watchdog(
            {
                "jobs": self.jobs.stalled,
                "modems": self.fleet.stalled,
                "settings": lambda: self._looking.stalled(self._watching),
                "device": self.device.stalled,
            }
        )
        if remembered.beat is not None:
            self.jobs.every(1.0, "shared store", remembered.beat)
        self.jobs.every(10.0, "doors", self.doors.look)
        self.jobs.every(24 * HOUR, "certificate", self.in_force.own_certificate)
        self.jobs.every(60.0, "figures", self.admin.keep_figures)
        self.jobs.every(60.0, "memory", trim)
        self.jobs.every(10.0, "pages", self.admin.look)

    def start(self) -> None:
        """Open the doors last, when what was left open by the last process is settled."""
        self.in_force.before_recovery()
        recover(self.ledger, self.spool, self.intake, self._held)
        self.exchange.start(self.gateway)
        self.jobs.start()
        self.in_force.open()
        self.admin.start()
        self.brokers.start()
        self.mail.start()
        self.mail.open_door(self.gateway, self.mail_door, self.doors.certificate)
        self.ddns.start()
        self._watching.start()
        # The first unknown user must not take longer than the next: this makes what their password is
        # compared with.
        threading.Thread(target=verify_password, args=("", ""), name="decoy", daemon=True).start()
        self.bell.start()
        self.device.start(self.settings)
        self.watchdog.start()

    def stop(self) -> None:
        """Close the doors first; messages in a modem's hands are waited for."""
        self._stopping.set()
        self.watchdog.stop()
        self.device.stop()
        self.bell.stop()
        self.admin.stop()
        self.server.stop()
        self.brokers.stop()
        self.ddns.stop()
        self.mail.stop()
        self.jobs.stop()
        self.exchange.stop()
        self.database.close()

    @property
    def settings(self) -> Settings:
        """What is in force now."""
        return self.in_force.settings

    def ready(self) -> tuple[bool, str]:
        """Whether a message can be sent now, and if not, why."""
        return (True, "") if self.fleet.lanes() else (False, self.fleet.why_none())

    # What the parts above call.

    def _serve_certificate(self, name: str, pair: KeyPair) -> None:
        """One came through a DNS account."""
        try:
            write_secret(self._acme, pair.chain_pem() + pair.key_pem())
        except OSError as error:  # a disk that cannot be written costs the certificate, not the service
            log.error("the certificate for %s cannot be kept: %s", name, error)
            return
        log.info("there is a certificate for %s, good until %s", name, pair.ends.date())
        self.in_force.certificates()

    def _withdraw_certificate(self) -> None:
        """No name wants one any more: back to the device's own."""
        if not self._acme.exists():
            return
        try:
            self._acme.unlink()
        except OSError as error:
            log.error("the certificate of a name that is gone stays in force: %s", error)
            return
        self.in_force.certificates()

    def _keep_blocked(self, number: str, blocked: bool, by: str) -> None:
        entry = BlockedNumber(
            number=number,
            state="blocked" if blocked else "whitened",
            since=int(self.clock.wall()),
            by=by,
        )
        try:
            self._store.put(BlockedNumber, number, entry)
        except SettingsError as error:
            raise StorageFailed(f"the block list could not be changed: {error}") from error

    # What goes on by itself.

    def _watch(self) -> None:
        def changed(change: Changed) -> None:
            self.in_force.apply(change.section, self._watcher.settings)

        def complain(problem: Problem) -> None:
            log.error("settings: %s", problem)

        self._watcher.run(self._stopping, changed, complain, self._looking.beat)

    def _tell_reset(self, entry: Mapping[str, object]) -> None:
        """What a reset stick did, whether the service ran or not, belongs to the audit."""
        said = entry.get("said")
        detail = "; ".join(map(str, said)) if isinstance(said, list) else ""
        at = float(str(entry.get("at", 0)))
        Audit(self.database).note(at, "-", "reset stick", f"reset.{entry.get('outcome')}", detail)

    def _tend_queues(self) -> None:
        self.fleet.tick()
        self.delivery.tick()

    def _clock_stepped(self, seconds: float) -> None:
        log.warning("the wall clock jumped by %.1f s; what was alive stays alive", seconds)
        self.otp_store.shift(seconds)
        before = self._held.wall() - seconds
        self.ledger.shift(seconds, before - self.intake.duplicates.window, before)
        self.events.announce(ClockStepped(seconds))

    def _sweep(self) -> None:
        now = self.clock.wall()
        if self.clock.trusted:
            self.otp_store.sweep(now)
            self.ledger.sweep(now - KEEP_MESSAGES)
            self.exchange.sweep()
            self.admin.sweep()
            self.mail_usage.sweep(date.fromtimestamp(now - KEEP_MESSAGES).isoformat())


def _no_call(item: str, port: str) -> UnitCall:
    """Where the ways to the internet are somebody else's."""
    raise SystemRefused(NOT_OURS)
