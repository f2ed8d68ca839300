"""Keeps a certificate for each name that wants one: asks, renews before it ends, tells who serves it."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.core.clock import Clock
from app.core.faults import described
from app.ddns.base import Proofs, Trouble
from app.ddns.http import Unreachable
from app.settings.ddns import DdnsRecord
from app.settings.keypair import KeyPair, Unusable, read, utc
from app.store.atomic import write_secret

log = logging.getLogger(__name__)

# Let's Encrypt allows five failures an hour; a name that fails is asked for again after 1, 2, 4, … 24 hours.
_FIRST_PAUSE = 3600.0
_LONGEST_PAUSE = 86400.0
_LOOK = 3600.0

Issue = Callable[[DdnsRecord, Proofs], KeyPair]
Serve = Callable[[str, KeyPair], None]  # name, its new certificate


@dataclass(frozen=True, slots=True)
class Holding:
    """A name's certificate for the page. ends: None while there is none; words: what happened last."""

    name: str
    ends: datetime | None
    words: str


class _Wanted:
    def __init__(self, record: DdnsRecord, proofs: Proofs | None) -> None:
        self.record = record
        self.proofs = proofs
        self.failures = 0
        self.due = 0.0
        self.words = ""


class Certificates:
    """One thread, named ``certificates``. ``folder`` has one file a name, key and chain, mode 0600.

    serve is called with the certificate of the first name that has one, at the start and when it changes.
    """

    def __init__(
        self, folder: Path, clock: Clock, issue: Issue, serve: Serve, stopping: threading.Event
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._issue = issue
        self._serve = serve
        self._stopping = stopping
        self._wake = threading.Event()
        self._wanted: dict[str, _Wanted] = {}
        self._served = ""  # the fingerprint of what was handed out last
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def load(self, wanted: Mapping[str, tuple[DdnsRecord, Proofs | None]]) -> None:
        """Name → its record, and who can hold the proof for it (None while that account is not active)."""
        self._wanted = {name: _Wanted(record, proofs) for name, (record, proofs) in wanted.items()}
        self._hand_out()
        self._wake.set()

    def kept(self, name: str) -> KeyPair | None:
        """The certificate that is here for a name."""
        try:
            return read(self._file(name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, Unusable) as error:
            log.warning("the certificate for %s cannot be read: %s", name, error)
            return None

    def holdings(self) -> list[Holding]:
        found = []
        for name, wanted in list(self._wanted.items()):
            pair = self.kept(name)
            found.append(Holding(name, pair.ends if pair else None, wanted.words or _standing(pair)))
        return found

    def tick(self) -> None:
        """Ask for what is missing or about to end. While the clock was never set, no end is known."""
        if not self._clock.trusted:
            return
        for name, wanted in list(self._wanted.items()):
            if self._stopping.is_set():
                return
            pair = self.kept(name)
            if pair is not None and not pair.due(utc(self._clock.wall())):
                continue
            if wanted.due <= self._clock.steady():
                self._ask(name, wanted)

    def _ask(self, name: str, wanted: _Wanted) -> None:
        if wanted.proofs is None:
            wanted.words = "the account that could prove the name is not active"
            return
        try:
            pair = self._issue(wanted.record, wanted.proofs)
            write_secret(self._file(name), pair.key_pem() + pair.chain_pem())
        except (Trouble, Unreachable, OSError) as error:
            self._failed(name, wanted, str(error))
            return
        except Exception as error:
            log.error("the certificate for %s met an unforeseen %s", name, described(error))
            self._failed(name, wanted, "the gateway met an unforeseen error; see its log")
            return
        wanted.failures, wanted.words = 0, ""
        log.info("a certificate for %s, until %s", name, pair.ends.date())
        self._hand_out()

    def _failed(self, name: str, wanted: _Wanted, why: str) -> None:
        wanted.failures += 1
        pause = min(_FIRST_PAUSE * 2.0 ** (wanted.failures - 1), _LONGEST_PAUSE)
        wanted.due = self._clock.steady() + pause
        wanted.words = f"no certificate: {why}"
        log.warning("no certificate for %s, next try in %.0f h: %s", name, pause / 3600, why)

    def _hand_out(self) -> None:
        """One listener shows one certificate: the first name's, as the first of the keystore goes first."""
        pairs = ((name, self.kept(name)) for name in list(self._wanted))
        name, pair = next((one for one in pairs if one[1] is not None), ("", None))
        fingerprint = pair.fingerprint if pair else ""
        if pair is not None and fingerprint != self._served:
            self._serve(name, pair)
        self._served = fingerprint

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self.tick()
            except Exception as error:
                log.error("certificates met an unforeseen %s", described(error))
            self._wake.wait(_LOOK)

    def _file(self, name: str) -> Path:
        return self._folder / (re.sub(r"[^A-Za-z0-9.-]", "_", name) + ".pem")


def _standing(pair: KeyPair | None) -> str:
    return f"valid until {pair.ends:%Y-%m-%d}" if pair else "the certificate is about to be asked for"
