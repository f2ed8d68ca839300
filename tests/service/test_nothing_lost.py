"""SIGKILL at every step of a send: nothing is sent twice, every accepted id has exactly one outcome."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.store.places import Places
from bench.client import Client
from bench.rig import PASSWORD, USER, Gateway, Simulators

MakeSimulators = Callable[..., Simulators]
MakeGateway = Callable[..., Gateway]

FINAL = {"sent", "failed", "expired", "unknown", "lost"}


def status(gateway: Gateway, message_id: str) -> dict[str, Any] | None:
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}/api/status/{message_id}",
        headers={"Authorization": f"Basic {credentials}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return None


def send_and_lose(gateway: Gateway, message_id: str, text: str) -> threading.Thread:
    """Send from a thread of its own; the connection may break when the service dies."""

    def send() -> None:
        client = Client(gateway.port)
        try:
            client.call("send-sms", id=message_id, receiver="081200000001", message=text)
        except OSError:
            pass
        finally:
            client.close()

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def take_later(gateway: Gateway, message_id: str, text: str) -> dict[str, Any]:
    """The answer to a message that nobody waits for; the status must be 202."""
    body = {"command": "send-sms", "data": {"id": message_id, "receiver": "0812000001", "message": text}}
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}/api/message",
        json.dumps(body).encode(),
        {"Authorization": f"Basic {credentials}", "Prefer": "respond-async"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 202
        taken: dict[str, Any] = json.load(answer)["data"]
        return taken


def received(simulators: Simulators, text: str) -> int:
    messages = simulators.order("inbox", limit=10_000)["messages"]
    return sum(message["text"] == text for message in messages)


@pytest.mark.parametrize(
    ("fault", "step", "delay_ms", "sent_by_the_dead"),
    [
        ({"when": "prompt", "action": "silence"}, "command", 0, False),  # before the prompt
        ({"when": "prompt", "action": "late", "seconds": 1.0}, "prompt", 0, False),  # it comes too late
        (None, "body", 700, True),  # after Ctrl-Z, before the modem's answer
        (None, "sent", 0, True),  # after the modem's answer, before the ledger or the caller's answer
    ],
)
def test_sigkill_at_every_step_of_a_send(
    simulators: MakeSimulators,
    gateway: MakeGateway,
    fault: dict[str, Any] | None,
    step: str,
    delay_ms: int,
    sent_by_the_dead: bool,
) -> None:
    world = simulators(1, delay_ms)
    service = gateway({"m1": {"port": world.paths[0]}}).start()
    if fault is not None:
        world.order("fault", **fault)
    world.order("watch", on=True)
    lost = send_and_lose(service, "first", "the only one")
    world.await_event(step)
    service.kill()
    lost.join(20)
    world.order("watch", on=False)
    time.sleep(delay_ms / 1000 + 1.2 if fault or delay_ms else 0.2)  # the modem goes on without its host

    service.start()
    after = status(service, "first")
    if sent_by_the_dead:
        assert after is not None and after["state"] in ("sent", "unknown")
    else:
        # It died before it had written anything down: then it had accepted nothing either.
        assert after is None or after["state"] in FINAL
    assert received(world, "the only one") == (1 if sent_by_the_dead else 0)

    client = Client(service.port)
    repeat = client.call("send-sms", id="first", receiver="081200000001", message="the only one")
    if after is not None and after["state"] in ("sent", "unknown"):
        assert repeat["duplicate"] is True
    else:
        assert repeat["response_code"] == "0000"
    assert received(world, "the only one") <= 1

    clean = client.call("send-sms", id="second", receiver="081200000002", message="clean")
    assert clean["response_code"] == "0000"
    assert received(world, "clean") == 1
    counts = world.order("stats")
    assert counts["strays"] == 0 and counts["wrong_lengths"] == 0


def test_two_hundred_messages_and_five_kills(simulators: MakeSimulators, gateway: MakeGateway) -> None:
    """Clients repeat what was not answered, as real ones do; each text is on the air once at the most."""
    world = simulators(4, 30)
    modems = {f"m{n}": {"port": path} for n, path in enumerate(world.paths)}
    service = gateway(modems).start()
    outcomes: dict[str, list[dict[str, Any]]] = {f"id-{n}": [] for n in range(200)}
    todo = list(outcomes)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not todo:
                    return
                message_id = todo.pop()
            client = Client(service.port)
            for _ in range(200):
                try:
                    answer = client.call(
                        "send-sms", id=message_id, receiver="081200000001", message=f"text of {message_id}"
                    )
                except OSError:
                    client.close()
                    time.sleep(0.1)
                    continue
                outcomes[message_id].append(answer)
                if answer["response_code"] == "0000" or answer["reason"] == "unknown_outcome":
                    break
                time.sleep(0.05)
            client.close()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        time.sleep(0.5)
        service.kill()
        service.start(ready=False)
    for thread in threads:
        thread.join(120)

    inbox = world.order("inbox", limit=10_000)["messages"]
    times = {message_id: sum(m["text"] == f"text of {message_id}" for m in inbox) for message_id in outcomes}
    assert max(times.values()) == 1
    for message_id, answers in outcomes.items():
        last = answers[-1]
        found = status(service, message_id)
        assert found is not None and found["state"] in ("sent", "unknown")
        if last["response_code"] == "0000":
            assert times[message_id] == 1
    assert world.order("stats")["strays"] == 0


def test_messages_taken_asynchronously_outlive_a_kill(
    simulators: MakeSimulators, gateway: MakeGateway
) -> None:
    world = simulators(1, 150)
    service = gateway({"m1": {"port": world.paths[0]}}).start()
    for number in range(20):
        assert take_later(service, f"a{number}", f"n{number}") == {"id": f"a{number}", "state": "queued"}
    time.sleep(0.4)
    service.kill()
    service.start()
    states: dict[str, str] = {}
    until = time.monotonic() + 60
    while time.monotonic() < until:
        states = {f"a{n}": (status(service, f"a{n}") or {"state": "none"})["state"] for n in range(20)}
        if set(states.values()) <= FINAL:
            break
        time.sleep(0.1)
    assert set(states.values()) <= {"sent", "unknown"}, states
    assert list(states.values()).count("unknown") <= 1
    inbox = [message["text"] for message in world.order("inbox", limit=1000)["messages"]]
    assert len(inbox) == len(set(inbox))
    assert {f"n{n}" for n in range(20) if states[f"a{n}"] == "sent"} <= set(inbox)


def test_messages_taken_asynchronously_outlive_an_orderly_stop_and_a_modem_that_is_away(
    simulators: MakeSimulators, gateway: MakeGateway, tmp_path: Path
) -> None:
    links = tmp_path / "links"
    world = simulators(1, 300, "generic", "--links", str(links))
    service = gateway({"m1": {"port": str(links / "sim1")}}).start()
    for number in range(8):
        take_later(service, f"a{number}", f"n{number}")
    time.sleep(0.4)
    service.stop()
    service.start()
    time.sleep(0.4)
    world.order("unplug", modem="*")
    time.sleep(1.0)
    states = [(status(service, f"a{n}") or {})["state"] for n in range(8)]
    assert set(states) <= {"sent", "unknown", "queued"} and states.count("queued") > 2
    world.order("plug", modem="*")
    until = time.monotonic() + 60
    while "queued" in states or "sending" in states:
        assert time.monotonic() < until, states
        time.sleep(0.1)
        states = [(status(service, f"a{n}") or {})["state"] for n in range(8)]
    assert set(states) <= {"sent", "unknown"} and states.count("unknown") <= 2
    inbox = [message["text"] for message in world.order("inbox", limit=1000)["messages"]]
    assert len(inbox) == len(set(inbox))


def test_a_power_cut_loses_the_spool_and_says_so(simulators: MakeSimulators, gateway: MakeGateway) -> None:
    world = simulators(1, 400)
    service = gateway({"m1": {"port": world.paths[0]}}).start()
    for number in range(5):
        take_later(service, f"a{number}", f"n{number}")
    service.kill()
    for file in Places(service.home).spool.iterdir():
        file.unlink()
    service.start()
    states = [(status(service, f"a{n}") or {})["state"] for n in range(5)]
    assert set(states) <= {"sent", "unknown", "lost"} and "lost" in states
