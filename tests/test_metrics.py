"""The figures for Prometheus, as a collector reads them."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from app.core.events import (
    Alarm,
    BrokerState,
    MessageAccepted,
    MessageDone,
    MessageReported,
    MessageTimed,
    RungClimbed,
    SmsArrived,
)
from app.metrics import Metrics
from bench.rig import Gateway


def read(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def figure(metrics: Metrics, name: str, **labels: str) -> float | None:
    return read(metrics).get((name, frozenset(labels.items())))


def standing(state: str = "ready", rssi: int | None = -73, queued: int = 4) -> dict[str, object]:
    return {"state": state, "rssi": rssi, "queued": queued}


def test_each_modem_shows_its_state_signal_and_queue() -> None:
    metrics = Metrics(lambda: {"m1": standing(), "m2": standing("gone", None, 0)})
    assert figure(metrics, "otppi_modem_state", modem="m1", state="ready") == 1
    assert figure(metrics, "otppi_modem_state", modem="m2", state="ready") == 0
    assert figure(metrics, "otppi_modem_state", modem="m2", state="gone") == 1
    assert figure(metrics, "otppi_modem_signal_dbm", modem="m1") == -73
    assert figure(metrics, "otppi_modem_signal_dbm", modem="m2") is None
    assert figure(metrics, "otppi_modem_queue", modem="m1") == 4


def test_a_modem_that_was_removed_leaves_the_page() -> None:
    modems = {"m1": standing()}
    metrics = Metrics(lambda: modems)
    assert figure(metrics, "otppi_modem_queue", modem="m1") == 4
    modems.clear()
    assert figure(metrics, "otppi_modem_queue", modem="m1") is None


def test_messages_are_counted_by_outcome_and_reason_and_timed() -> None:
    metrics = Metrics(dict)
    metrics.listen(MessageAccepted(1, "rest:u", "628**"))
    metrics.listen(MessageDone(1, "m1", "sent", "", 0.3))
    metrics.listen(MessageTimed(1, 0.003))
    metrics.listen(MessageDone(2, "m1", "failed", "not_sent", 0.1))
    assert figure(metrics, "otppi_messages_accepted_total") == 1
    assert figure(metrics, "otppi_messages_total", modem="m1", state="sent", reason="") == 1
    assert figure(metrics, "otppi_messages_total", modem="m1", state="failed", reason="not_sent") == 1
    assert figure(metrics, "otppi_message_seconds_bucket", modem="m1", le="0.25") == 1
    assert figure(metrics, "otppi_own_seconds_bucket", le="0.005") == 1
    assert figure(metrics, "otppi_own_seconds_count") == 1


def test_rungs_are_counted_when_they_begin() -> None:
    metrics = Metrics(dict)
    metrics.listen(RungClimbed("m1", "reopen"))
    metrics.listen(RungClimbed("m1", "reopen", True))
    assert figure(metrics, "otppi_modem_rung_total", modem="m1", rung="reopen") == 1


def test_reports_inbox_alarms_and_brokers_have_their_figures() -> None:
    metrics = Metrics(
        dict, lambda: {"alive": 7}, lambda: [("m1", "m2", 4.5, False), ("m2", "m1", None, True)]
    )
    metrics.listen(MessageReported(1, "id", "rest:u", "m1", "delivered"))
    metrics.listen(SmsArrived("m1", "8962", 1))
    metrics.listen(Alarm("parked", "m1", "why"))
    metrics.listen(BrokerState("mqtt", True))
    metrics.listen(BrokerState("amqp", False))
    assert figure(metrics, "otppi_reports_total", modem="m1", state="delivered") == 1
    assert figure(metrics, "otppi_inbox_total", modem="m1") == 1
    assert figure(metrics, "otppi_alarms_total", modem="m1", what="parked") == 1
    assert figure(metrics, "otppi_broker_connected", broker="mqtt") == 1
    assert figure(metrics, "otppi_broker_losses_total", broker="amqp") == 1
    assert figure(metrics, "otppi_otp", state="alive") == 7
    assert figure(metrics, "otppi_canary_seconds", sender="m1", receiver="m2") == 4.5
    assert figure(metrics, "otppi_canary_lost", sender="m2", receiver="m1") == 1


def test_reasons_without_end_do_not_become_series_without_end() -> None:
    metrics = Metrics(dict)
    for number in range(100):
        metrics.listen(MessageDone(number, "", "failed", f"reason{number}", 0.0))
    assert figure(metrics, "otppi_messages_total", modem="", state="failed", reason="other") == 60


def test_the_page_is_served_to_this_device() -> None:
    with Gateway({"m1": {"port": "sim://metrics"}}) as service:
        service.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics", timeout=20) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert b'otppi_modem_state{modem="m1",state="ready"} 1.0' in answer.read()
