"""The figures of the house for Prometheus; never a telephone number, never a text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.core.events import (
    Alarm,
    BrokerState,
    Event,
    MessageAccepted,
    MessageDone,
    MessageReported,
    MessageTimed,
    RungClimbed,
    SmsArrived,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("off", "connecting", "ready", "searching", "trouble", "gone", "parked")
#: Seconds from acceptance to outcome; the radio's part is in it.
BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
# What an event may say of a label: an unforeseen reason must not make a series of its own each time.
_MOST_REASONS = 40


class Metrics:
    """``listen`` goes to the events, ``render`` to whoever serves /metrics.

    modems() gives each modem's figures: state, rssi, queued, sent, failed, unknown; codes() those of OTPs by
    state; flights() the canary's: sender, receiver, seconds or None, lost.
    """

    def __init__(
        self,
        modems: Callable[[], Mapping[str, Mapping[str, Any]]],
        codes: Callable[[], Mapping[str, int]] = dict,
        flights: Callable[[], list[tuple[str, str, float | None, bool]]] = list,
    ) -> None:
        self._modems = modems
        self._codes = codes
        self._flights = flights
        self._reasons: set[str] = set()
        self._lock = threading.Lock()
        registry = self._registry = CollectorRegistry()
        modem = ["modem"]
        self._state = Gauge(
            "otppi_modem_state", "1 for the state a modem is in", [*modem, "state"], registry=registry
        )
        self._signal = Gauge("otppi_modem_signal_dbm", "Signal strength", modem, registry=registry)
        self._queue = Gauge("otppi_modem_queue", "Messages that wait for a modem", modem, registry=registry)
        self._rungs = Counter(
            "otppi_modem_rung", "Rungs of the recovery ladder tried", [*modem, "rung"], registry=registry
        )
        self._accepted = Counter("otppi_messages_accepted", "Messages taken in", registry=registry)
        self._done = Counter(
            "otppi_messages", "Messages by outcome and reason", [*modem, "state", "reason"], registry=registry
        )
        self._seconds = Histogram(
            "otppi_message_seconds", "From acceptance to outcome", modem, buckets=BUCKETS, registry=registry
        )
        self._own = Histogram(
            "otppi_own_seconds", "Of it the gateway's own part", buckets=BUCKETS, registry=registry
        )
        self._reported = Counter(
            "otppi_reports", "Delivery reports that ended a message", [*modem, "state"], registry=registry
        )
        self._arrived = Counter("otppi_inbox", "Messages that came in", modem, registry=registry)
        self._alarms = Counter("otppi_alarms", "Alarms", [*modem, "what"], registry=registry)
        self._broker = Gauge("otppi_broker_connected", "1 while connected", ["broker"], registry=registry)
        self._losses = Counter("otppi_broker_losses", "Connections lost", ["broker"], registry=registry)
        self._codes_gauge = Gauge("otppi_otp", "References by state", ["state"], registry=registry)
        self._canary = Gauge(
            "otppi_canary_seconds", "Last time to arrival", ["sender", "receiver"], registry=registry
        )
        self._canary_lost = Gauge(
            "otppi_canary_lost", "1 when the last one never came", ["sender", "receiver"], registry=registry
        )

    def listen(self, event: Event) -> None:
        """From the thread of whoever announces: counts and returns."""
        match event:
            case MessageAccepted():
                self._accepted.inc()
            case MessageDone(_, modem, state, reason, seconds):
                self._done.labels(modem, state, self._known(reason)).inc()
                if modem:
                    self._seconds.labels(modem).observe(seconds)
            case MessageTimed(_, own):
                self._own.observe(own)
            case MessageReported(modem=modem, state=state):
                self._reported.labels(modem, state).inc()
            case RungClimbed(modem, rung, None):
                self._rungs.labels(modem, rung).inc()
            case SmsArrived(modem):
                self._arrived.labels(modem).inc()
            case Alarm(what, modem):
                self._alarms.labels(modem, what).inc()
            case BrokerState(broker, connected):
                self._broker.labels(broker).set(int(connected))
                if not connected:
                    self._losses.labels(broker).inc()

    def render(self) -> bytes:
        """The page, in the text format 0.0.4."""
        with self._lock:
            self._take_modems()
            for state, count in self._codes().items():
                self._codes_gauge.labels(state).set(count)
            for sender, receiver, seconds, lost in self._flights():
                self._canary_lost.labels(sender, receiver).set(int(lost))
                if seconds is not None:
                    self._canary.labels(sender, receiver).set(seconds)
            return bytes(generate_latest(self._registry))

    def _take_modems(self) -> None:
        for gauge in (self._state, self._signal, self._queue):
            gauge.clear()  # a modem that was removed leaves the page
        for modem, figures in self._modems().items():
            for state in STATES:
                self._state.labels(modem, state).set(int(figures["state"] == state))
            if figures["rssi"] is not None:
                self._signal.labels(modem).set(figures["rssi"])
            self._queue.labels(modem).set(figures["queued"])

    def _known(self, reason: str) -> str:
        if reason not in self._reasons:
            if len(self._reasons) >= _MOST_REASONS:
                return "other"
            self._reasons.add(reason)
        return reason
