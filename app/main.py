"""Builds every object of the gateway once, in reading order; starts it, stops it, applies what changed."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Mapping

from app.core.blocklist import BlockList
from app.core.clock import SystemClock
from app.core.delivery import Delivery
from app.core.digest import KeyedDigest
from app.core.duplicates import Duplicates
from app.core.errors import MailFailed, StorageFailed
from app.core.events import ClockStepped, Events
from app.core.gateway import Gateway
from app.core.intake import Intake, Rules
from app.core.msisdn import Numbering
from app.core.otp import OtpBook, OtpPolicy
from app.core.ports import Job
from app.core.recovery import recover
from app.core.routing import Router
from app.jobs import ClockWatch, Jobs
from app.modems.fleet import Fleet
from app.modems.spec import ModemSpec
from app.numbering import normalise
from app.pages import Pages
from app.settings.api import Api as ApiSettings
from app.settings.api import ApiUser
from app.settings.blocking import BlockedNumber
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.passwords import verify_password
from app.settings.problems import Problem, SettingsError
from app.settings.section import Section
from app.settings.sms import Sms
from app.settings.snapshot import Settings
from app.settings.store import Loaded, SettingsStore
from app.settings.users import User
from app.settings.watch import Changed, Watcher
from app.store.database import Database
from app.store.keys import DeviceKeys
from app.store.ledger import SqliteLedger
from app.store.modems import ModemMemory
from app.store.otp import SqliteOtpStore
from app.store.places import Places
from app.store.spool import FileSpool
from app.web import tls
from app.web.admin.house import Service as Doing
from app.web.api import Api, Page
from app.web.pool import Pool
from app.web.server import Listener, WebServer
from app.web.signin import SignIn

log = logging.getLogger(__name__)

KEEP_MESSAGES = 90 * 24 * 3600.0  # seconds an ended message stays in the ledger
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
        admin_ports: tuple[int, int] = (0, 0),
    ) -> None:
        settings = loaded.settings
        self.settings = settings
        self._store = store
        self._places = places

        # What outlives a restart.
        places.make()
        keys = DeviceKeys(places.keys)
        self.clock = SystemClock()
        self.database = Database(places.database)
        self.ledger = SqliteLedger(self.database)
        self.spool = FileSpool(places.spool, self.clock)
        self.otp_store = SqliteOtpStore(self.database)
        memory = ModemMemory(self.database, KeyedDigest(keys.key("modems")))

        # The modems, and the domain that uses them.
        self.events = Events()
        digest = KeyedDigest(keys.key("messages"))
        self.fleet = Fleet(memory, self.clock, self.events.announce)
        self.delivery = Delivery(
            self.ledger, self.fleet, NoMail(), Router(), self.clock, self.events.announce
        )
        self.intake = Intake(
            otp=OtpBook(self.otp_store, digest, self.clock, OtpPolicy()),
            delivery=self.delivery,
            duplicates=Duplicates(self.ledger, self.clock),
            blocklist=BlockList(self._keep_blocked),
            numbering=Numbering("62", normalise),
            ledger=self.ledger,
            spool=self.spool,
            digest=digest,
            clock=self.clock,
            rules=Rules(),
        )
        self.gateway = Gateway(self.intake, self.fleet, self.ledger)

        # The doors.
        self.sign_in: SignIn[ApiUser] = SignIn(verify_password)
        pool = Pool()
        self.api = Api(self.gateway, self.sign_in, pool.waiting, self.ready, pages)
        self.server = WebServer(self.api.app, pool)
        self._admin_ports = admin_ports
        self.admin = Pages(
            places, store, self.gateway, self.fleet, self.database, self.clock, self.events, self._services
        )

        # What goes on by itself.
        self._stopping = threading.Event()
        self._watcher = Watcher(store, loaded)
        self._watching = threading.Thread(target=self._watch, name="settings", daemon=True)
        self.jobs = Jobs(self.clock)
        self.jobs.every(0.25, "queues", self._tend_queues)
        self.jobs.every(1.0, "clock", ClockWatch(self.clock, self._clock_stepped).look)
        self.jobs.every(HOUR, "sweep", self._sweep)
        self.jobs.every(60.0, "figures", self.admin.keep_figures)
        self._apply = {
            General: self._apply_general,
            Sms: self._apply_sms,
            Modem: self._apply_modems,
            BlockedNumber: self._apply_blocking,
            ApiSettings: self._apply_api,
            ApiUser: self._apply_api_users,
            User: self._set_rules,
        }

    def start(self) -> None:
        """Open the doors last, when what was left open by the last process is settled."""
        for section in (General, Sms, BlockedNumber, ApiUser):
            self._apply[section]()
        recover(self.ledger, self.spool, self.intake, self.clock)
        self._apply_modems()
        self.jobs.start()
        self._apply_api()
        port, https_port = self._admin_ports
        own = self._own_tls() if https_port else None
        self.admin.start(port, (https_port, own) if own else None)
        self._watching.start()

    def stop(self) -> None:
        """Close the doors first; messages in a modem's hands are waited for."""
        self._stopping.set()
        self.admin.stop()
        self.server.stop()
        self.jobs.stop()
        self.fleet.stop()
        self.database.close()

    def ready(self) -> tuple[bool, str]:
        """Whether a message can be sent now, and if not, why."""
        return (True, "") if self.fleet.lanes() else (False, self.fleet.why_none())

    # One method a section; each takes over what the settings now say.

    def apply(self, section: type[Section], settings: Settings) -> None:
        """Take over a section that changed."""
        self.settings = settings
        work = self._apply.get(section)
        if work is not None:
            work()
            log.info("the settings of %s changed and are in force", section.about.name)

    def _apply_general(self) -> None:
        general = self.settings.one(General)
        lifetime = general.otp_expiration / 1000
        self.intake.otp.policy = OtpPolicy(general.otp_digits, general.otp_tries, lifetime)
        self.intake.duplicates.window = float(general.duplicate_window)
        self._set_rules()

    def _apply_sms(self) -> None:
        country_code = self.settings.one(Sms).country_code
        if country_code != self.intake.numbering.country_code:
            self.intake.numbering = Numbering(country_code, normalise)
        self._set_rules()
        self._apply_modems()

    def _set_rules(self) -> None:
        general = self.settings.one(General)
        self.intake.rules = Rules(
            claimed=bool(self.settings.items(User) or self.settings.items(ApiUser)),
            drop_expired=general.drop_expired_otp,
            lifetime=general.otp_expiration / 1000,
            delivery_reports=self.settings.one(Sms).delivery_reports,
        )

    def _apply_modems(self) -> None:
        sms = self.settings.one(Sms)
        self.fleet.apply(ModemSpec.of(item, modem, sms) for item, modem in self.settings.items(Modem).items())

    def _apply_blocking(self) -> None:
        numbers = self.settings.items(BlockedNumber).values()
        self.intake.blocklist.load(one.number for one in numbers if one.state == "blocked")

    def _apply_api(self) -> None:
        api = self.settings.one(ApiSettings)
        paths = (
            api.otp_path,
            api.message_path,
            api.sms_path,
            api.email_path,
            api.blocking_path,
            api.unblocking_path,
            api.modem_path,
            api.ussd_path,
        )
        self.api.serve_at(paths)
        listeners = {}
        if api.enable_http:
            listeners["http"] = Listener(api.http_port)
        if api.enable_https and (own := self._own_tls()):
            listeners["https"] = Listener(api.https_port, own)
        self.server.apply(listeners)

    def _own_tls(self) -> ssl.SSLContext | None:
        pem = self._places.tls / "self-signed.pem"
        try:
            tls.self_signed(pem, [socket.gethostname(), "otp-pi.local", "otppi.lan"], self.clock.wall())
            return tls.load(pem)
        except OSError as error:
            log.error("HTTPS is off: its certificate cannot be used: %s", error)
            return None

    def _services(self) -> Mapping[str, Doing]:
        """How the doors are doing, by their switches in the settings."""
        api, ports = self.settings.one(ApiSettings), self.server.ports()
        found = {}
        for name, wanted in (("http", api.enable_http), ("https", api.enable_https)):
            if name in ports:
                found[f"api.enable_{name}"] = Doing("running", f"port {ports[name]}")
            elif wanted:
                found[f"api.enable_{name}"] = Doing("trouble", "its port cannot be opened; the log says why")
        return found

    def _apply_api_users(self) -> None:
        self.sign_in.load(self.settings.items(ApiUser).values())
        self._set_rules()

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
            self.apply(change.section, self._watcher.settings)

        def complain(problem: Problem) -> None:
            log.error("settings: %s", problem)

        self._watcher.run(self._stopping, changed, complain)

    def _tend_queues(self) -> None:
        self.fleet.tick()
        self.delivery.tick()

    def _clock_stepped(self, seconds: float) -> None:
        log.warning("the wall clock jumped by %.1f s; what was alive stays alive", seconds)
        self.otp_store.shift(seconds)
        self.events.announce(ClockStepped(seconds))

    def _sweep(self) -> None:
        now = self.clock.wall()
        if self.clock.trusted:
            self.otp_store.sweep(now)
            self.ledger.sweep(now - KEEP_MESSAGES)
        self.admin.sweep()


class NoMail:
    """Stands where mail accounts will: mail is refused with the reason."""

    def submit(self, job: Job) -> None:
        raise MailFailed("this gateway has no mail accounts yet; send to a telephone number")
