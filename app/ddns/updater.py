"""Keeps names on the device's public address: looks at intervals, tells the vendor only what changed."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.errors import StorageFailed
from app.core.faults import described
from app.ddns.address import AddressUnknown, PublicAddresses
from app.ddns.base import Later, Stop, Vendor, not_understood
from app.ddns.http import Unreachable
from app.settings.ddns import PROVIDERS, DdnsRecord
from app.settings.section import Section
from app.store.ddns import DdnsHistory, Entry

log = logging.getLogger(__name__)

# After a failure: a minute, two, four, … an hour; a vendor that asks for more gets more.
_FIRST_PAUSE = 60.0
_LONGEST_PAUSE = 3600.0
_BETWEEN_FORCED = 60.0
_OLDEST_LOOK = 20.0  # seconds for which records share one look at the public address


@dataclass(frozen=True, slots=True)
class Keeping:
    """A record for the page. state: waiting, done, later, stop; next_look: seconds, None for never."""

    record: str
    name: str
    type: str
    provider: str
    address: str
    state: str
    words: str
    at: float | None
    next_look: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """A record with who keeps it. vendor: None while its account is not active; mark: of all settings."""

    record: DdnsRecord
    vendor: Vendor | None
    mark: str


def task(record: DdnsRecord, account: Section, vendor: Vendor | None) -> Task:
    octets = (
        record.model_dump_json(exclude={"name", "active", "update_interval"}) + account.model_dump_json()
    ).encode()
    return Task(record, vendor, hashlib.sha256(octets).hexdigest()[:16])


class _Progress:
    """Where one record stands; guarded by the updater's lock."""

    def __init__(self, what: Task, history: Sequence[Entry]) -> None:
        self.task = what
        self.failures = 0
        self.due = 0.0
        self.forced = -_BETWEEN_FORCED
        ours = [entry for entry in history if entry.mark == what.mark]
        self.entry = ours[0] if ours else None
        # What the vendor has, as far as we know; trouble in between does not change it.
        self.settled = next((entry.address for entry in ours if entry.state == "done"), "")

    @property
    def stopped(self) -> bool:
        return self.entry is not None and self.entry.state == "stop"


class Updater:
    """One thread, named ``ddns``. ``look`` gives what to ask for addresses, as the settings have it."""

    def __init__(self, history: DdnsHistory, clock: Clock, look: Callable[[], PublicAddresses]) -> None:
        self._history = history
        self._clock = clock
        self._look = look
        self._records: dict[str, _Progress] = {}
        self._seen: dict[int, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="ddns", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def load(self, tasks: Mapping[str, Task]) -> None:
        """Take over the active records; one whose settings changed begins anew, also if it was stopped."""
        with self._lock:
            records = {}
            for item, what in tasks.items():
                known = self._records.get(item)
                if known is not None and known.task.mark == what.mark:
                    known.task = what
                else:
                    known = _Progress(what, self._history.latest(item))
                records[item] = known
            self._records = records
            self._seen.clear()
        self._wake.set()

    def update_now(self, item: str) -> Keeping:
        """Tell the vendor at once, changed or not and stopped or not; how it ended.

        Raises KeyError for an unknown record, and Later when this was asked for a moment ago: vendors take
        repeated updates without a change for abuse.
        """
        progress = self._records[item]
        now = self._clock.steady()
        if now - progress.forced < _BETWEEN_FORCED:
            raise Later("this name was updated a moment ago; wait a minute", _BETWEEN_FORCED)
        progress.forced = now
        self._seen.clear()
        self._take_care(item, progress, forced=True)
        return self._keeping(item, progress)

    def keepings(self) -> list[Keeping]:
        with self._lock:
            return [self._keeping(item, progress) for item, progress in self._records.items()]

    def history(self, item: str) -> Sequence[Entry]:
        return self._history.latest(item)

    def tick(self) -> float:
        """Take care of every record that is due; seconds until the next one is."""
        now = self._clock.steady()
        for item, progress in list(self._records.items()):
            if progress.due <= now and not progress.stopped:
                self._take_care(item, progress)
        waits = [one.due - self._clock.steady() for one in self._records.values() if not one.stopped]
        return max(0.0, min(waits, default=3600.0))

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                wait = self.tick()
            except StorageFailed as error:
                log.error("dynamic DNS waits: %s", error)
                wait = _FIRST_PAUSE
            except Exception as error:
                log.error("dynamic DNS met an unforeseen %s", described(error))
                wait = _FIRST_PAUSE
            if not self._stopping:
                self._wake.wait(min(max(wait, 1.0), 60.0))

    def _take_care(self, item: str, progress: _Progress, forced: bool = False) -> None:
        with self._one_at_a_time:
            record = progress.task.record
            interval = record.update_interval * 60.0
            try:
                self._ask(item, progress, forced)
                progress.failures = 0
                progress.due = self._clock.steady() + interval
            except AddressUnknown as error:
                # After a power cut the router takes a while as well: the name must not wait for hours.
                self._keep(item, progress, "", "later", str(error))
                progress.due = self._clock.steady() + min(interval, self._pause(progress))
            except Unreachable as error:
                self._keep(item, progress, "", "later", str(error))
                progress.due = self._clock.steady() + self._pause(progress)
            except Later as error:
                self._keep(item, progress, "", "later", str(error))
                progress.due = self._clock.steady() + max(self._pause(progress), error.seconds)
            except Stop as error:
                why = str(error).rstrip(".")  # it may end with a vendor's own words
                self._keep(item, progress, "", "stop", f"{why}. Nothing is sent until the settings change.")

    def _ask(self, item: str, progress: _Progress, forced: bool) -> None:
        record, vendor = progress.task.record, progress.task.vendor
        if vendor is None:
            raise Stop(f"the account at {PROVIDERS[record.provider]} is not active")
        address = self._address(6 if record.type == "AAAA" else 4)
        if not forced and progress.settled == address:
            if progress.entry is not None and progress.entry.state != "done":
                self._keep(item, progress, address, "done", "the address is the same as before")
            return
        try:
            done = vendor.update(record, address)
        except (Stop, Later, Unreachable):
            raise
        except Exception as error:
            # An answer may have any shape, and the text of this error may hold anything.
            log.error("an update met an unforeseen %s", described(error))
            raise not_understood(PROVIDERS[record.provider]) from error
        progress.settled = address
        self._keep(item, progress, address, "done", done.words)

    def _address(self, version: int) -> str:
        now = self._clock.steady()
        at, address = self._seen.get(version, (-_OLDEST_LOOK, ""))
        if not address or now - at >= _OLDEST_LOOK:
            address = self._look().find(version)
            self._seen[version] = (now, address)
        return address

    def _pause(self, progress: _Progress) -> float:
        progress.failures += 1
        return min(_FIRST_PAUSE * 2.0 ** (progress.failures - 1), _LONGEST_PAUSE)

    def _keep(self, item: str, progress: _Progress, address: str, state: str, words: str) -> None:
        record, last = progress.task.record, progress.entry
        entry = Entry(item, record.fqdn, self._clock.wall(), address, progress.task.mark, state, words)
        repeated = last is not None and (last.state, last.words) == (state, words) and state != "done"
        progress.entry = entry
        if repeated:
            return  # the same trouble again is no news, and the card lives longer
        level = {"done": logging.INFO, "later": logging.WARNING, "stop": logging.ERROR}[state]
        log.log(level, "%s %s: %s", record.fqdn, record.type, words)
        self._history.add(entry)

    def _keeping(self, item: str, progress: _Progress) -> Keeping:
        record, entry = progress.task.record, progress.entry
        return Keeping(
            record=item,
            name=record.fqdn,
            type=record.type,
            provider=record.provider,
            address=progress.settled,
            state=entry.state if entry else "waiting",
            words=entry.words if entry else "the first look is about to come",
            at=entry.at if entry else None,
            next_look=None if progress.stopped else max(0.0, progress.due - self._clock.steady()),
        )
