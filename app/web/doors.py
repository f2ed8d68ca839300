"""The API's doors as the settings have them: plain and encrypted, opened again when a port comes free."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.clock import Clock
from app.settings.api import Api as ApiSettings
from app.settings.mail import LocalSmtp
from app.settings.network import Dhcp, Ethernet, Wlan
from app.settings.snapshot import Settings
from app.web import tls
from app.web.api import Api
from app.web.server import Listener, WebServer

log = logging.getLogger(__name__)

NAMES = ("otp-pi.local", "otppi.lan")


def names_of(settings: Settings) -> Sequence[str]:
    """What the device is called and where it is by its settings, for the certificate it makes itself."""
    wlan, ethernet = settings.one(Wlan), settings.one(Ethernet)
    found = [socket.gethostname(), *NAMES, settings.one(Dhcp).domain_name, wlan.ip_address]
    if ethernet.method == "fixed":
        found.append(ethernet.ip_address)
    smtp = settings.one(LocalSmtp)
    if smtp.active:
        found.append(smtp.server_name)
    return list(dict.fromkeys(name for name in found if name))


class ApiDoors:
    """Keeps the listeners of one API as its settings say.

    folder: where the certificate lies that the device makes for itself; names: what it must name;
    passing: addresses as they are now, for `tls.self_signed`.
    shut: sentences about doors that should be open and are not.
    """

    def __init__(
        self,
        server: WebServer,
        api: Api,
        folder: Path,
        clock: Clock,
        names: Callable[[], Sequence[str]] = lambda: (socket.gethostname(), *NAMES),
        passing: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._server = server
        self._api = api
        self._pem = folder / "self-signed.pem"
        self._clock = clock
        self._names, self._passing = names, passing
        self._given: Path | None = None
        self._settings: ApiSettings | None = None
        self._certificate: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self.shut: list[str] = []

    def apply(self, settings: ApiSettings) -> None:
        """Open, move and close doors, and take over the paths."""
        self._api.serve_at(
            (
                settings.otp_path,
                settings.message_path,
                settings.sms_path,
                settings.email_path,
                settings.blocking_path,
                settings.unblocking_path,
                settings.modem_path,
                settings.ussd_path,
            )
        )
        with self._lock:
            self._settings = settings
            self._open()

    def certify(self, pem: Path | None) -> None:
        """Serve HTTPS with this certificate and key, or with the device's own again (None)."""
        with self._lock:
            self._given, self._certificate = pem, None
            if self._settings is not None and self._settings.enable_https:
                self._open()

    def certificate(self) -> ssl.SSLContext:
        """What HTTPS is served with now. Raises OSError when it cannot be read or made."""
        with self._lock:
            return self._newest_certificate()

    def look(self) -> None:
        """Every few seconds: a door that could not be opened may be free by now."""
        with self._lock:
            if self.shut:
                self._open()

    def renew(self) -> None:
        """Once a day, and when a name changed: a certificate that is about to end, or that lacks a name, is
        made anew and put in force."""
        with self._lock:
            if self._settings is not None and self._settings.enable_https:
                self._open()

    def _open(self) -> None:
        assert self._settings is not None
        listeners: dict[str, Listener] = {}
        if self._settings.enable_http:
            listeners["http"] = Listener(self._settings.http_port)
        if self._settings.enable_https:
            if self._certificate is None:
                self._server.apply(listeners)  # a first certificate takes a moment; HTTP need not wait for it
            try:
                listeners["https"] = Listener(self._settings.https_port, self._newest_certificate())
            except OSError as error:
                self._server.apply(listeners)
                self.shut = [f"HTTPS is off: its certificate cannot be used: {error}"]
                log.error(self.shut[0])
                return
        self.shut = self._server.apply(listeners)

    def _newest_certificate(self) -> ssl.SSLContext:
        """The context in use, or another when the certificate was made anew: a new one moves the listener."""
        if self._given is not None:
            if self._certificate is None:
                self._certificate = tls.load(self._given)
            return self._certificate
        made = tls.self_signed(self._pem, self._names(), self._clock.wall(), self._passing)
        if made or self._certificate is None:
            self._certificate = tls.load(self._pem)
        return self._certificate
