"""Sections inbox and inbox_rules: what is done with messages that people write to our SIM cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from app.settings.checks import EmailOrNone, HttpUrlOrNone
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Around, Section


class Inbox(Section):
    """What holds for all incoming messages."""

    about: ClassVar[About] = About(name="inbox", title="Inbox")

    stop_blocks: bool = option(
        False,
        "STOP blocks",
        help="One of the words as the first of a message blocks its sender.",
    )
    stop_words: tuple[str, ...] = option(
        ("STOP", "BERHENTI"), "STOP words", longest=20, help="Capital or small."
    )


class InboxRule(Section):
    """One way to hand messages on; every rule that fits a message is carried out."""

    about: ClassVar[About] = About(name="inbox_rules", title="Inbox rules", many=True, key="name")

    name: str = option(..., "Name", longest=64)
    active: bool = option(True, "Active")
    modem: str = option("", "Modem", longest=64, help="Only what came in there; empty: all.")
    sender: str = option("", "Sender holds", longest=40, help="Part of a number or name; empty: all.")
    words: str = option("", "Text holds", longest=160, help="Capital or small; empty: all.")
    webhook: HttpUrlOrNone = option("", "Webhook", help="Gets a POST with the message as JSON.")
    webhook_secret: str = option(
        "", "Webhook secret", secret=True, longest=200, help="Signs each POST with HMAC-SHA256."
    )
    email: EmailOrNone = option("", "E-mail", help="Gets a mail with the message.")
    mqtt_topic: str = option("", "MQTT topic", longest=200, help="On the broker of the MQTT subscriber.")

    def conflicts(self) -> Iterable[Finding]:
        if any(sign in self.mqtt_topic for sign in "#+"):
            yield Finding(("mqtt_topic",), "holds # or +, which is for reading, not for writing")

    def cautions(self, around: Around) -> Iterable[Finding]:
        if self.active and not (self.webhook or self.email or self.mqtt_topic):
            yield Finding(("webhook", "email", "mqtt_topic"), "is empty like the others: nothing is done")
        if self.webhook and not self.webhook_secret:
            yield Finding(("webhook_secret", "webhook"), "is empty: whoever is called cannot tell who called")
