"""Everything of mail as one part: built once, started, stopped, and told when settings changed."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.core.clock import Clock
from app.core.gateway import Gateway
from app.core.ports import MailJob
from app.mail.account import account_of, accounts_of
from app.mail.direct import WARNING, MailExchangers
from app.mail.reception import Guard, Reception
from app.mail.senders import Identity, Senders
from app.mail.trial import Trial, try_out
from app.mail.turns import Standing, Turns, Usage
from app.settings.checks import in_ascii
from app.settings.general import General
from app.settings.mail import EmailAccount, LocalSmtp
from app.settings.snapshot import Settings

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from app.mail.server import Certificate, LocalServer

# Whose change ``MailOffice.apply`` wants to hear of.
SECTIONS = (EmailAccount, LocalSmtp, General)


class MailOffice:
    """Fulfils ``core.ports.Mail``, and holds the local SMTP server.

    The gateway needs a Mail and the server needs the gateway: ``open_door`` is called once there is one.
    """

    def __init__(
        self, settings: Settings, usage: Usage, clock: Clock, tls: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._usage = usage
        self._clock = clock
        self._tls = tls
        self._turns = Turns(usage, clock, self.today)
        self._senders = Senders(self._turns, clock, self._identity(), exchangers=MailExchangers(), tls=tls)
        self._door: Callable[[LocalSmtp], LocalServer] | None = None
        self._server: LocalServer | None = None
        self._served: LocalSmtp | None = None
        self.door_error = ""
        self._turns.load(accounts_of(settings.items(EmailAccount)))

    def submit(self, job: MailJob) -> None:
        """Raises NotSent (``core.ports.Mail``)."""
        self._senders.submit(job)

    def start(self) -> None:
        self._senders.start()

    def open_door(self, gateway: Gateway, guard: Guard, certificate: Certificate = lambda: None) -> None:
        """From now on the local SMTP server runs while the settings say so.

        certificate: gives the device's own, for STARTTLS; without one passwords are taken only in the clear.
        """

        def door(settings: LocalSmtp) -> LocalServer:
            from app.mail.server import LocalServer  # off on most devices, and its library is not small

            reception = Reception(settings, guard, lambda: gateway.intake.numbering)
            return LocalServer(reception, gateway, certificate)

        self._shut()
        self._door = door
        self._serve()

    def apply(self, settings: Settings) -> None:
        """Take over changed settings (email, smtp, general): nothing under way is cut off but the server."""
        self._settings = settings
        self._senders.identity = self._identity()
        self._turns.load(accounts_of(settings.items(EmailAccount)))
        if settings.one(LocalSmtp) != self._served:
            self._serve()

    def certify(self) -> None:
        """The device's certificate is another one now."""
        if self._server is not None:
            self._server.certify()

    def stop(self) -> None:
        self._shut()
        self._senders.stop()

    # For the pages.

    def standings(self) -> list[Standing]:
        """Each active account: sent today, how long it rests, its last error."""
        return self._turns.standings()

    @property
    def waiting(self) -> int:
        """Mails that wait for a sender."""
        return self._senders.waiting

    def warning(self) -> str:
        """What the page of the local SMTP server warns of, or nothing."""
        if self.door_error:
            return self.door_error
        serves = self._settings.one(LocalSmtp).active
        return WARNING if serves and not self._turns.any() else ""

    def try_account(self, item: str, account: EmailAccount, receiver: str) -> Trial:
        """A test mail by an account as it stands in the form, saved or not. Takes up to a minute."""
        return try_out(
            account_of(item, account),
            receiver,
            self._identity(),
            self._clock,
            self._usage,
            self.today(),
            self._tls,
        )

    def today(self) -> str:
        """The local day as daily limits count it: "2026-11-20"."""
        return self._now().date().isoformat()

    def _now(self) -> datetime:
        zone = ZoneInfo(self._settings.one(General).device_time_zone)
        return datetime.fromtimestamp(self._clock.wall(), zone)

    def _identity(self) -> Identity:
        device = self._settings.one(General).device_name
        # In EHLO only ASCII is understood (RFC 5321 §2.3.5).
        return Identity(device, in_ascii(self._settings.one(LocalSmtp).server_name), self._now)

    def _serve(self) -> None:
        self._shut()
        settings = self._settings.one(LocalSmtp)
        self._served = settings
        if self._door is None or not settings.active:
            return
        server = self._door(settings)
        try:
            server.start()
        except OSError as error:
            why = os.strerror(error.errno or 0)
            place = f"{settings.address}:{settings.port}"
            self.door_error = f"the local SMTP server cannot listen on {place}: {why}"
            log.error("%s", self.door_error)
        else:
            self._server = server

    def _shut(self) -> None:
        self.door_error = ""
        if self._server is not None:
            self._server.stop()
            self._server = None
