"""The subscriber over a link that a test holds in its hand: limits, refresh, orphans, errors."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.brokers import base
from app.brokers.base import Subscriber
from app.brokers.dial import Fault
from app.brokers.link import Incoming
from app.core.clock import SystemClock
from app.core.errors import PortGone
from app.core.events import BrokerState, Event
from app.core.routing import Lane
from app.settings.subscribers import SubscriberAmqp
from tests.brokers.servers import until
from tests.house import House


class HandLink:
    """A broker's connection: what the test puts in comes in, what the house says is written down."""

    def __init__(self) -> None:
        self.coming: queue.Queue[Incoming | Exception | None] = queue.Queue()
        self.settled: list[Any] = []
        self.published: list[tuple[str, Any]] = []
        self.closed = threading.Event()
        self.limits: list[int] = []
        self.released: list[Any] = []
        self.takes_back = True

    def open(self) -> None: ...

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        try:
            got = self.coming.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return ()
        if isinstance(got, Exception):
            raise got
        return () if got is None else (got,)

    def limit(self, prefetch: int) -> None:
        self.limits.append(prefetch)

    def release(self, token: Any) -> bool:
        if self.takes_back:
            self.released.append(token)
        return self.takes_back

    def settle(self, token: Any) -> None:
        self.settled.append(token)

    def publish(self, topic: str, body: bytes) -> None:
        self.published.append((topic, json.loads(body)))

    def wake(self) -> None:
        self.coming.put(None)

    def close(self) -> None:
        self.closed.set()


class Hand:
    """A subscriber, its links, and everything it announced."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.links: list[HandLink] = []
        self.has_modems = True
        self.heard: list[Event] = []
        self.subscriber: Subscriber[SubscriberAmqp] = Subscriber(
            "amqp",
            self._make,
            lambda options: True,
            house.gateway,
            lambda: len(house.fleet.lanes()) if self.has_modems else None,
            self.heard.append,
            SystemClock(),
            lambda options: options.topic == "shared",
        )

    def _make(self, options: SubscriberAmqp) -> HandLink:
        self.links.append(HandLink())
        return self.links[-1]

    def start(self, **fields: Any) -> HandLink:
        options = SubscriberAmqp(enable=True).model_copy(update={"reconnect_delay": 0.01, **fields})
        self.subscriber.start(options)
        until(lambda: self.subscriber.status.connected, "connected")
        return self.links[-1]

    def until(self, reached: Callable[[], bool], what: str) -> None:
        until(reached, what, 20)


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    house = House(tmp_path)
    made = Hand(house)
    yield made
    made.subscriber.leave()
    assert made.subscriber.join(20)
    house.close()


def sms(text: str = "Hi", **more: Any) -> bytes:
    data = {"receiver": "0812345678", "message": text}
    return json.dumps({"command": "send-sms", "data": data, **more}).encode()


def test_a_message_is_acknowledged_after_its_outcome_and_not_before(hand: Hand) -> None:
    link = hand.start()
    link.coming.put(Incoming(sms(), "t1"))
    hand.until(lambda: len(hand.house.fleet.jobs) == 1, "a modem has it")
    assert link.settled == [] and hand.subscriber.status.waiting == 1
    hand.house.fleet.send_next()
    hand.until(lambda: link.settled == ["t1"], "acknowledged")


def test_more_than_a_thousand_are_not_kept_and_whoever_asked_is_told(hand: Hand) -> None:
    link = hand.start()
    for place in range(base.BACKLOG + 4):  # two modems have four of them
        link.coming.put(Incoming(sms(str(place))))
    hand.until(lambda: hand.subscriber.status.waiting == base.BACKLOG + 4, "all of them wait")
    link.coming.put(Incoming(sms("one too many", callback_topic="back")))
    hand.until(lambda: link.published != [], "the last one is told")
    topic, answer = link.published[0]
    assert topic == "back"
    assert (answer["response_code"], answer["reason"]) == ("1102", "queue_full")
    assert hand.subscriber.status.failed == 1
    hand.house.fleet.send_next()
    hand.until(lambda: len(hand.house.fleet.jobs) == 4, "the next one follows")


def test_what_a_broker_has_let_go_of_survives_the_loss_of_the_connection(hand: Hand) -> None:
    link = hand.start()
    hand.house.fleet.open_lanes.pop()  # one modem: two at a time
    for place in range(6):
        link.coming.put(Incoming(sms(str(place), callback_topic="back")))
    hand.until(lambda: hand.subscriber.status.received == 6, "all are here")
    link.coming.put(Fault("gone"))
    hand.until(lambda: len(hand.links) == 2 and hand.subscriber.status.connected, "connected again")
    for _ in range(6):
        hand.until(lambda: hand.house.fleet.jobs != [], "there is a next one")
        hand.house.fleet.send_next()
    hand.until(lambda: len(hand.links[-1].published) == 6, "all were answered, on the new connection")


def test_the_connection_is_made_anew_when_it_is_time_to_refresh(hand: Hand) -> None:
    first = hand.start(refresh=0.5 / 60)  # minutes
    first.coming.put(Incoming(sms(), "t1"))
    hand.until(lambda: len(hand.house.fleet.jobs) == 1, "a modem has it")
    hand.house.fleet.send_next()
    hand.until(lambda: len(hand.links) >= 2, "a second link")
    assert first.closed.is_set() and first.settled == ["t1"]
    assert hand.subscriber.status.last_error == ""


def test_a_message_under_way_is_waited_for_when_the_options_change(hand: Hand) -> None:
    link = hand.start()
    link.coming.put(Incoming(sms(), "t1"))
    hand.until(lambda: len(hand.house.fleet.jobs) == 1, "a modem has it")
    hand.subscriber.apply(SubscriberAmqp(enable=True, topic="other"))
    link.coming.put(Incoming(sms("late"), "t2"))
    hand.house.fleet.send_next()
    hand.until(lambda: len(hand.links) == 2, "the new options are in force")
    assert link.settled == ["t1"]
    assert hand.house.fleet.jobs == []  # the late one is the next link's


def test_an_unforeseen_error_of_a_library_does_not_end_the_subscriber(hand: Hand) -> None:
    link = hand.start()
    link.coming.put(KeyError("something with a text in it"))
    hand.until(lambda: len(hand.links) == 2 and hand.subscriber.status.connected, "connected again")
    assert hand.subscriber.status.last_error == "an unforeseen error of the connection (KeyError)"
    states = [event.connected for event in hand.heard if isinstance(event, BrokerState)]
    assert states == [True, False, True]


def test_no_error_at_all_ends_the_subscriber(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [RuntimeError("whatever")]

    def keeps(options: SubscriberAmqp) -> bool:
        if errors:
            raise errors.pop()
        return True

    monkeypatch.setattr(hand.subscriber, "_keeps", keeps)
    assert hand.start()
    assert errors == []


def test_a_redelivered_request_whose_reference_lives_is_tried_once_more(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "ORPHANED", 0.3)
    link = hand.start()
    data = {"reference": "r1", "receiver": "0812345678", "message": "%s"}
    body = {"command": "request-otp", "data": data}
    link.coming.put(Incoming(json.dumps(body).encode(), "t1"))
    hand.until(lambda: len(hand.house.fleet.jobs) == 1, "the first is at a modem")
    other = {**body, "data": {**data, "message": "Code %s"}, "callback_topic": "back"}
    link.coming.put(Incoming(json.dumps(other).encode(), "t2", redelivered=True))
    hand.until(lambda: hand.subscriber.status.waiting == 2, "held back")
    hand.until(lambda: "t2" in link.settled, "answered in the end")
    assert link.published[0][1]["response_code"] == "1201"


def test_a_device_whose_modems_are_all_away_leaves_shared_messages_to_others(hand: Hand) -> None:
    link = hand.start(topic="shared")
    for place in range(6):
        link.coming.put(Incoming(sms(str(place)), f"t{place}"))
    hand.until(lambda: len(hand.house.fleet.jobs) == 4, "two modems have four of them")
    hand.house.fleet.open_lanes.clear()
    hand.until(lambda: link.limits[-1] == 0, "nothing more is asked for")
    hand.until(lambda: link.released == ["t4", "t5"], "what nobody has begun is given back")
    assert hand.subscriber.status.paused
    _, job = hand.house.fleet.take()
    job.begin()
    job.refused(PortGone("One is gone; nothing was sent"))
    hand.until(lambda: link.released == ["t4", "t5", "t0"], "a message that no modem took, too")
    assert link.settled == []
    hand.house.fleet.open_lanes.append(Lane("m1", "One"))
    hand.until(lambda: link.limits[-1] == 2, "it takes messages again")
    assert not hand.subscriber.status.paused


def test_what_cannot_be_given_back_waits_for_a_modem(hand: Hand) -> None:
    link = hand.start(topic="shared")
    link.takes_back = False
    hand.house.fleet.open_lanes.clear()
    hand.until(lambda: link.limits[-1] == 0, "nothing more is asked for")
    link.coming.put(Incoming(sms(), "t1"))
    hand.until(lambda: hand.subscriber.status.waiting == 1, "it waits")
    hand.house.fleet.open_lanes.append(Lane("m1", "One"))
    hand.until(lambda: len(hand.house.fleet.jobs) == 1, "a modem has it")
    hand.house.fleet.send_next()
    hand.until(lambda: link.settled == ["t1"], "acknowledged")


def test_a_broker_that_is_not_shared_is_told_that_there_is_no_modem(hand: Hand) -> None:
    link = hand.start()
    hand.house.fleet.open_lanes.clear()
    link.coming.put(Incoming(sms(callback_topic="back"), "t1"))
    hand.until(lambda: link.settled == ["t1"], "acknowledged")
    assert link.published[0][1]["response_code"] == "1101"
    assert link.released == []


def test_a_device_without_any_modem_still_takes_what_needs_none(hand: Hand) -> None:
    hand.has_modems = False
    link = hand.start(topic="shared")
    hand.house.fleet.open_lanes.clear()
    link.coming.put(Incoming(b'{"command":"echo","callback_topic":"back"}', "t1"))
    hand.until(lambda: link.settled == ["t1"], "acknowledged")
    assert link.published[0][1]["response_code"] == "0000"


def test_a_message_its_broker_names_is_sent_once_and_its_twin_too(hand: Hand) -> None:
    link = hand.start()
    link.coming.put(Incoming(sms("Same"), "t1", name="no. 1"))
    link.coming.put(Incoming(sms("Same"), "t2", name="no. 2"))
    hand.until(lambda: len(hand.house.fleet.jobs) == 2, "two messages with the same words")
    link.coming.put(Incoming(sms("Same"), "t3", name="no. 1"))  # not marked as given again
    for _ in range(2):
        hand.house.fleet.send_next()
    hand.until(lambda: set(link.settled) == {"t1", "t2", "t3"}, "all have an outcome")
    assert hand.house.fleet.jobs == []


def test_nothing_is_left_when_it_stops(hand: Hand) -> None:
    link = hand.start()
    hand.subscriber.leave()
    assert hand.subscriber.join(10)
    assert link.closed.is_set()
    assert str(hand.subscriber.status.standing) == "off"
