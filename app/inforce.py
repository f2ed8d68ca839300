"""Which part takes over which sections of the settings: once at the start, and whenever one changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from app import exchange as modems_side
from app.bell import Bell
from app.brokers import Brokers
from app.core.events import BrokerState
from app.core.faults import described
from app.core.intake import Intake, Rules
from app.core.msisdn import Numbering
from app.core.otp import OtpPolicy
from app.ddns import office as ddns_office
from app.ddns.office import DdnsOffice
from app.exchange import Exchange
from app.mail import office as mail_office
from app.mail.office import MailOffice
from app.modems.fleet import Fleet
from app.modems.spec import ModemSpec
from app.numbering import normalise
from app.pages import Pages
from app.settings.api import Api as ApiSettings
from app.settings.api import ApiUser
from app.settings.bell import Bell as BellSettings
from app.settings.blocking import BlockedNumber
from app.settings.general import General
from app.settings.keystore import Keystore
from app.settings.mail import LocalSmtp
from app.settings.modems import Modem
from app.settings.network import Dhcp, Ethernet, FirewallRule, Wlan
from app.settings.section import Section
from app.settings.sms import Sms
from app.settings.snapshot import Settings
from app.settings.subscribers import SUBSCRIBERS, Subscriber
from app.settings.users import User
from app.store.choice import chosen_by
from app.system.device import Device
from app.web.doors import ApiDoors
from app.web.signin import SignIn
from app.web.signin import User as ApiDoorUser

log = logging.getLogger(__name__)

Take = Callable[[], object]


class Parts(Protocol):
    """What of the service looks at settings."""

    intake: Intake
    fleet: Fleet
    exchange: Exchange
    mail: MailOffice
    ddns: DdnsOffice
    brokers: Brokers
    sign_in: SignIn[ApiDoorUser]
    doors: ApiDoors
    admin: Pages
    bell: Bell
    device: Device


class InForce:
    """The settings that are in force. acme: where a certificate lies that came through a DNS account."""

    def __init__(self, settings: Settings, parts: Parts, acme: Path) -> None:
        self.settings = settings
        self._parts = parts
        self._acme = acme
        self._store_chosen_by = chosen_by(settings.one(General))
        # Each part once, with every section it looks at; a change of one runs them from top to bottom.
        self._takers: tuple[tuple[Take, tuple[type[Section], ...]], ...] = (
            (self._policy, (General,)),
            (self._numbering, (Sms,)),
            (self._rules, (General, Sms, User, ApiUser)),
            (self._block_list, (BlockedNumber,)),
            (self._api_users, (ApiUser,)),
            (lambda: parts.exchange.apply(self.settings), modems_side.SECTIONS),
            (self._modems, (Sms, Modem)),
            (self._doors, (ApiSettings,)),
            (self.certificates, (Keystore,)),
            (self.own_certificate, (General, Wlan, Dhcp, Ethernet, LocalSmtp)),
            (lambda: parts.mail.apply(self.settings), mail_office.SECTIONS),
            (lambda: parts.ddns.apply(self.settings), ddns_office.SECTIONS),
            (lambda: parts.bell.apply(self.settings.one(BellSettings)), (BellSettings,)),
            *((partial(self._broker, section), (section,)) for section in SUBSCRIBERS),
            # A door that moves, of the API or for mail, needs a hole in the firewall.
            *(
                (partial(self._device, section), (section,))
                for section in (General, Wlan, Dhcp, Ethernet, FirewallRule, ApiSettings, LocalSmtp)
            ),
        )

    def apply(self, section: type[Section], settings: Settings) -> None:
        """Take over a section that changed."""
        self.settings = settings
        name = section.about.name
        takers = [take for take, sections in self._takers if section in sections]
        faults = [fault for take in takers if (fault := _fault(take))]
        for fault in faults:
            log.error("the settings of %s changed; a part did not take them: an unforeseen %s", name, fault)
        if takers and not faults:
            log.info("the settings of %s changed and are in force", name)

    # At the start, in this order; parts that are built with the settings take them themselves.

    def before_recovery(self) -> None:
        """What a message meets before it comes to a modem."""
        self._policy()
        self._numbering()
        self._rules()
        self._block_list()
        self._api_users()
        self._parts.exchange.apply(self.settings)
        self._parts.bell.apply(self.settings.one(BellSettings))

    def open(self) -> None:
        """The modems, and the doors with their certificate, when all behind them stands."""
        self._modems()
        self.certificates()
        self._doors()

    # One method a part.

    def _policy(self) -> None:
        general = self.settings.one(General)
        if chosen_by(general) != self._store_chosen_by:
            log.warning("the OTP store changes when the service is started again")
        intake = self._parts.intake
        intake.otp.policy = OtpPolicy(general.otp_digits, general.otp_tries, general.otp_expiration / 1000)
        intake.duplicates.window = float(general.duplicate_window)

    def _numbering(self) -> None:
        country_code = self.settings.one(Sms).country_code
        if country_code != self._parts.intake.numbering.country_code:
            self._parts.intake.numbering = Numbering(country_code, normalise)

    def _rules(self) -> None:
        general = self.settings.one(General)
        self._parts.intake.rules = Rules(
            claimed=bool(self.settings.items(User) or self.settings.items(ApiUser)),
            drop_expired=general.drop_expired_otp,
            lifetime=general.otp_expiration / 1000,
            delivery_reports=self.settings.one(Sms).delivery_reports,
        )

    def _block_list(self) -> None:
        numbers = self.settings.items(BlockedNumber).values()
        self._parts.intake.blocklist.load(one.number for one in numbers if one.state == "blocked")

    def _api_users(self) -> None:
        self._parts.sign_in.load(self.settings.items(ApiUser).values())

    def _modems(self) -> None:
        sms = self.settings.one(Sms)
        modems = self.settings.items(Modem).items()
        self._parts.fleet.apply(ModemSpec.of(item, modem, sms) for item, modem in modems)

    def _doors(self) -> None:
        self._parts.doors.apply(self.settings.one(ApiSettings))

    def certificates(self) -> None:
        """An active one of the keystore goes before one that came through a DNS account."""
        chosen = self._parts.device.keystore.chosen(self.settings.items(Keystore).values())
        self._parts.doors.certify(chosen or (self._acme if self._acme.exists() else None))
        self._certified()

    def own_certificate(self) -> None:
        """The one that the device makes itself names it and its addresses, and is renewed before it ends."""
        self._parts.doors.renew()
        self._certified()

    def _certified(self) -> None:
        self._parts.admin.open()
        self._parts.mail.certify()

    def _broker(self, section: type[Subscriber]) -> None:
        options = self.settings.one(section)
        self._parts.brokers.apply(options)
        if not options.enable:
            # What somebody switched off is no trouble any more, whatever it was before.
            broker = section.about.name.removeprefix("subscriber_")
            self._parts.bell.hear(BrokerState(broker, False, "left"))

    def _device(self, section: type[Section]) -> None:
        self._parts.device.apply(section, self.settings)


def _fault(take: Take) -> str:
    """Run one; what nobody foresaw costs this part the change, and not the others."""
    try:
        take()
    except Exception as error:
        return described(error)
    return ""
