"""Section bell: what the buzzer tells, and when it keeps silent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from app.settings.checks import HourMinuteOrNone
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Section

Ring = Literal["none", "once", "repeat"]
RINGS = {"none": "Silent", "once": "Once", "repeat": "Until it is over"}


class Bell(Section):
    """Which trouble is heard."""

    about: ClassVar[About] = About(name="bell", title="Bell", help="The volume is fixed.")

    fail_send_sms: Ring = option("none", "An SMS could not be sent", choices=RINGS)
    amqp_disconnected: Ring = option("none", "AMQP disconnected", choices=RINGS)
    mqtt_disconnected: Ring = option("none", "MQTT disconnected", choices=RINGS)
    ws_disconnected: Ring = option("none", "WebSocket disconnected", choices=RINGS)
    redis_disconnected: Ring = option("none", "Redis disconnected", choices=RINGS)
    activemq_disconnected: Ring = option("none", "ActiveMQ disconnected", choices=RINGS)
    stomp_disconnected: Ring = option("none", "STOMP disconnected", choices=RINGS)
    gpio_pin: int = option(26, "GPIO pin", minimum=0, maximum=27, help="As the board's maker counts (BCM).")
    quiet_from: HourMinuteOrNone = option("", "Quiet from", help="Local time, HH:MM; empty: never quiet.")
    quiet_until: HourMinuteOrNone = option("", "Quiet until", help="Local time, HH:MM.")

    def conflicts(self) -> Iterable[Finding]:
        if bool(self.quiet_from) != bool(self.quiet_until):
            missing = "quiet_until" if self.quiet_from else "quiet_from"
            given = "quiet_from" if self.quiet_from else "quiet_until"
            yield Finding((missing, given), "both ends of the quiet hours must be given, or neither")
