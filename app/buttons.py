"""The buttons of the settings' pages, and what those pages tell of how their part of the house is doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from app.bell import MELODIES, Bell
from app.brokers import Brokers
from app.brokers.dial import Fault
from app.core.errors import BadRequest, GatewayError
from app.ddns.base import Trouble
from app.ddns.office import DdnsOffice
from app.ddns.updater import Keeping
from app.mail.office import MailOffice
from app.settings.bell import Bell as BellSettings
from app.settings.keystore import Keystore
from app.settings.mail import EmailAccount
from app.settings.store import SettingsStore
from app.settings.subscribers import SUBSCRIBERS, Subscriber
from app.store.ddns import Entry
from app.web.admin.house import Action, Note, Told


class Parts(Protocol):
    """The parts of the service that have buttons."""

    brokers: Brokers
    mail: MailOffice
    ddns: DdnsOffice
    bell: Bell


MELODY_NAMES = {
    **{name: BellSettings.options[name].label for name in MELODIES if name in BellSettings.options},
    "reset_started": "A reset stick is read",
    "reset_done": "The reset is done",
    "reset_refused": "The reset was refused",
}


def actions(parts: Parts, store: SettingsStore) -> Mapping[str, Sequence[Action]]:
    """Section → its buttons, which go by what is saved: it is in force a moment later."""
    found: dict[str, Sequence[Action]] = {
        "email": [
            Action("test", "Send a test mail", partial(_test_mail, parts.mail, store), asks="Receiver")
        ],
        "bell": [
            Action("play", "Play", partial(_play, parts.bell), asks="Melody", choices=MELODY_NAMES),
            Action("silence", "Silence", partial(_silence, parts.bell)),
        ],
    }
    for section in SUBSCRIBERS:
        found[section.about.name] = [
            Action("test", "Test", partial(_test_broker, parts.brokers, store, section))
        ]
    return found


def notes(
    parts: Parts, store: SettingsStore, troubles: Mapping[str, str], wall: Callable[[], float]
) -> dict[str, Callable[[], Sequence[Note]]]:
    """Section → how it is doing. troubles: part of the device → why it is not in force, or ""."""

    def trouble(part: str) -> Sequence[Note]:
        return [Note("note", troubles[part])] if troubles.get(part) else []

    found: dict[str, Callable[[], Sequence[Note]]] = {
        "wlan": partial(trouble, "wlan"),
        "dhcp": partial(trouble, "dhcp"),
        "ethernet": partial(trouble, "ethernet"),
        "firewall": partial(trouble, "firewall"),
        "general": partial(trouble, "time"),
        "bell": partial(_bell_notes, parts.bell),
        "email": partial(_mail_notes, parts.mail),
        "smtp": partial(_door_notes, parts.mail),
        "keystore": partial(_certificate_notes, store, wall),
        "acme": partial(_acme_notes, parts.ddns),
        "ddns": partial(_name_notes, parts.ddns),
    }
    for section in SUBSCRIBERS:
        found[section.about.name] = partial(_broker_notes, parts.brokers, section)
    return found


class Names:
    """The device's names as the pages see them."""

    def __init__(self, office: DdnsOffice) -> None:
        self._office = office

    def keepings(self) -> Sequence[Keeping]:
        return self._office.keepings()

    def update_now(self, item: str) -> Keeping:
        """Raises KeyError for a name that is not active, and GatewayError."""
        try:
            return self._office.update_now(item)
        except Trouble as error:
            raise GatewayError(str(error)) from error

    def history(self, item: str) -> Sequence[Entry]:
        return self._office.history(item)


def _test_mail(mail: MailOffice, store: SettingsStore, item: str, form: Mapping[str, str]) -> Told:
    account = store.items(EmailAccount).get(item)
    if account is None or not form.get("asked"):
        raise BadRequest("save the account first, then say who is to get the test mail")
    trial = mail.try_account(item, account, form["asked"])
    return Told(trial.worked, trial.sentence, trial.lines)


def _test_broker(
    brokers: Brokers, store: SettingsStore, section: type[Subscriber], item: str, form: Mapping[str, str]
) -> Told:
    try:
        return Told(True, brokers.try_out(store.one(section)))
    except Fault as fault:
        return Told(False, str(fault))


def _play(bell: Bell, item: str, form: Mapping[str, str]) -> Told:
    if form.get("asked", "") not in MELODIES:
        raise BadRequest("there is no such melody")
    bell.play(form["asked"])
    return Told(True, "It is being played.")


def _silence(bell: Bell, item: str, form: Mapping[str, str]) -> Told:
    bell.silence()
    return Told(True, "The bell is silent until the next trouble.")


def _bell_notes(bell: Bell) -> Sequence[Note]:
    found = [Note("note", "it rings until it is over", MELODY_NAMES[name]) for name in bell.ringing]
    return [Note("note", bell.trouble), *found] if bell.trouble else found


def _mail_notes(mail: MailOffice) -> Sequence[Note]:
    found = []
    for one in mail.standings():
        told = f"{one.sent_today} mails sent today"
        if one.error:
            told = f"it rests {one.resting:.0f} s: {one.error}" if one.resting > 0 else one.error
        found.append(Note("bad" if one.error else "good", told, one.account.id))
    if mail.waiting:
        found.append(Note("note", f"{mail.waiting} mails wait for a sender"))
    return found


def _door_notes(mail: MailOffice) -> Sequence[Note]:
    return [Note("bad", warning)] if (warning := mail.warning()) else []


def _certificate_notes(store: SettingsStore, wall: Callable[[], float]) -> Sequence[Note]:
    found, serving = [], False
    for item, entry in store.items(Keystore).items():
        try:
            pair = entry.pair()
        except ValueError as error:
            found.append(Note("bad", str(error), item))
            continue
        names = ", ".join(pair.names) or "no name"
        told = f"for {names}, good until {pair.ends:%Y-%m-%d}"
        if entry.active and not serving:
            serving, told = True, f"{told}; it serves HTTPS"
        found.append(Note("bad" if pair.ends.timestamp() <= wall() else "good", told, item))
    if not serving:
        found.append(Note("calm", "HTTPS is served with a certificate the device made or obtained itself."))
    return found


def _acme_notes(ddns: DdnsOffice) -> Sequence[Note]:
    return [
        Note(
            "good" if one.ends else "note",
            f"good until {one.ends:%Y-%m-%d}"
            if one.ends
            else one.words or "the first certificate is about to come",
            one.name,
        )
        for one in ddns.holdings()
    ]


def _name_notes(ddns: DdnsOffice) -> Sequence[Note]:
    tone = {"done": "good", "stop": "bad"}
    return [Note(tone.get(one.state, "note"), one.words, one.record) for one in ddns.keepings()]


def _broker_notes(brokers: Brokers, section: type[Subscriber]) -> Sequence[Note]:
    status = brokers.subscriber(section).status
    told = f"received {status.received}, sent {status.sent}, failed {status.failed}, waiting {status.waiting}"
    if status.connected_since is not None:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.connected_since))
        return [Note("good", f"connected since {since}: {told}")]
    return [Note("bad", status.last_error)] if status.last_error and status.standing != "off" else []
