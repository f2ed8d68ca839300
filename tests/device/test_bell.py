"""What is heard, when, and that nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from app.bell import MELODIES, Bell
from app.core.events import BrokerState, MessageDone
from app.settings.bell import Bell as Settings
from hw.buzzer import Buzzer, Melody, Note
from hw.errors import DeviceMissing, PortLost
from tests.house import HandClock

FAILED = MessageDone(1, "m1", "failed", "network", 1.0)
SENT = MessageDone(2, "m1", "sent", "", 1.0)


class Heard:
    """A buzzer that notes; `wait` until so many melodies were heard."""

    def __init__(self) -> None:
        self.melodies: list[Melody] = []
        self.pins: list[int] = []
        self.error: Exception | None = None
        self.during: dict[int, Callable[[], None]] = {}  # of which melody, what happens meanwhile
        self._more = threading.Condition()

    def __call__(self, pin: int) -> Heard:
        self.pins.append(pin)
        return self

    def play(self, melody: Melody, stopping: threading.Event) -> bool:
        with self._more:
            self.melodies.append(melody)
            self._more.notify_all()
        self.during.pop(len(self.melodies), lambda: None)()
        if self.error is not None:
            raise self.error
        return True

    def wait(self, count: int) -> bool:
        with self._more:
            return self._more.wait_for(lambda: len(self.melodies) >= count, 30)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def bell(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bell]:
    monkeypatch.setattr("app.bell.PAUSE", 0.01)
    one = Bell(heard, HandClock())
    one.start()
    yield one
    one.stop()


def test_nothing_is_heard_unless_asked_for(bell: Bell, heard: Heard) -> None:
    bell.hear(FAILED)
    bell.hear(BrokerState("amqp", False))
    bell.play("reset_done")
    assert heard.wait(1)
    assert heard.melodies == [MELODIES["reset_done"]]


def test_a_failed_sms_is_heard_once(bell: Bell, heard: Heard) -> None:
    bell.apply(Settings(fail_send_sms="once"))
    bell.hear(FAILED)
    bell.play("reset_done")
    assert heard.wait(2)
    assert heard.melodies == [MELODIES["fail_send_sms"], MELODIES["reset_done"]]
    assert bell.ringing == ()


def test_a_lost_broker_is_heard_until_it_is_back(bell: Bell, heard: Heard) -> None:
    bell.apply(Settings(mqtt_disconnected="repeat"))
    bell.hear(BrokerState("mqtt", False, "refused"))
    assert heard.wait(4)
    assert bell.ringing == ("mqtt_disconnected",)
    bell.hear(BrokerState("mqtt", True))
    assert bell.ringing == ()


def test_a_broker_that_was_left_on_purpose_is_no_trouble(bell: Bell, heard: Heard) -> None:
    bell.apply(Settings(mqtt_disconnected="repeat"))
    bell.hear(BrokerState("mqtt", False, "left"))
    assert bell.ringing == ()
    bell.hear(BrokerState("mqtt", False, "refused"))
    bell.hear(BrokerState("mqtt", False, "left"))
    assert bell.ringing == ()


def test_a_message_that_goes_out_ends_the_alarm_of_those_that_did_not(bell: Bell) -> None:
    bell.apply(Settings(fail_send_sms="repeat"))
    bell.hear(FAILED)
    assert bell.ringing == ("fail_send_sms",)
    bell.hear(SENT)
    assert bell.ringing == ()


def test_silence_ends_what_repeats(bell: Bell, heard: Heard) -> None:
    bell.apply(Settings(ws_disconnected="repeat"))
    bell.hear(BrokerState("ws", False))
    assert heard.wait(2)
    bell.silence()
    assert bell.ringing == ()


def test_silence_ends_the_whole_round(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two troubles repeat; pressed while the first is heard, the second is not heard either."""
    monkeypatch.setattr("app.bell.PAUSE", 0.01)
    bell = Bell(heard, HandClock())
    bell.apply(Settings(ws_disconnected="repeat", mqtt_disconnected="repeat"))
    bell.hear(BrokerState("ws", False))
    bell.hear(BrokerState("mqtt", False))
    ws, mqtt = MELODIES["ws_disconnected"], MELODIES["mqtt_disconnected"]

    def press() -> None:
        bell.silence()
        bell.play("reset_done")  # heard when the round has ended

    heard.during[3] = press  # each once as it begins, then the first of the round
    bell.start()
    assert heard.wait(4)
    bell.stop()
    assert heard.melodies == [ws, mqtt, ws, MELODIES["reset_done"]]


def test_a_bell_that_is_switched_on_while_its_broker_is_away_is_heard(bell: Bell, heard: Heard) -> None:
    bell.hear(BrokerState("mqtt", False, "refused"))
    bell.hear(BrokerState("amqp", False, "refused"))
    bell.hear(BrokerState("amqp", True))
    bell.apply(Settings(mqtt_disconnected="repeat", amqp_disconnected="repeat"))
    assert bell.ringing == ("mqtt_disconnected",)
    assert heard.wait(2)
    bell.silence()
    bell.apply(Settings(mqtt_disconnected="repeat", amqp_disconnected="repeat", gpio_pin=18))
    assert bell.ringing == ()


def test_what_nobody_foresaw_costs_one_melody(bell: Bell, heard: Heard) -> None:
    heard.error = RuntimeError("a library's own")
    bell.play("reset_done")
    assert heard.wait(1)
    heard.error = None
    bell.play("reset_refused")
    assert heard.wait(2)


def test_a_bell_that_is_switched_off_in_the_settings_falls_silent(bell: Bell) -> None:
    bell.apply(Settings(redis_disconnected="repeat"))
    bell.hear(BrokerState("redis", False))
    bell.apply(Settings())
    assert bell.ringing == ()


@pytest.mark.parametrize(
    ("start", "end", "quiet"),
    [("00:00", "23:59", True), ("23:59", "00:00", False), ("", "", False)],
)
def test_quiet_hours(heard: Heard, start: str, end: str, quiet: bool) -> None:
    bell = Bell(heard, HandClock(wall=1_800_000_030.0))
    bell.apply(Settings(fail_send_sms="once", quiet_from=start, quiet_until=end))
    bell.start()
    bell.hear(FAILED)
    bell.play("reset_done")  # a person who asks is answered at night too
    assert heard.wait(1 if quiet else 2)
    bell.stop()
    assert (MELODIES["fail_send_sms"] in heard.melodies) is not quiet


def test_another_pin_is_taken_over(bell: Bell, heard: Heard) -> None:
    bell.apply(Settings(gpio_pin=18))
    assert heard.pins == [26, 18]


def test_without_a_buzzer_it_is_said_once(bell: Bell, heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    heard.error = DeviceMissing("this machine has no GPIO for a buzzer")
    bell.play("reset_done")
    bell.play("reset_done")
    bell.play("reset_done")
    assert heard.wait(3)  # the third begins when the second has failed
    assert bell.trouble == "this machine has no GPIO for a buzzer"
    assert len([record for record in caplog.records if "not heard" in record.message]) == 1


class Tone:
    def __init__(self) -> None:
        self.did: list[str] = []

    def play(self, tone: object) -> None:
        self.did.append("tone")

    def stop(self) -> None:
        self.did.append("stop")

    def close(self) -> None:
        self.did.append("close")


def test_the_buzzer_lets_its_pin_go_between_melodies() -> None:
    tone = Tone()
    buzzer = Buzzer(26, lambda pin: tone)
    assert buzzer.play((Note(440, 0.0), Note(0, 0.0), Note(880, 0.0)), threading.Event())
    assert tone.did == ["tone", "stop", "tone", "stop", "close"]


class Failing(Tone):
    """A pin library that fails with errors of its own."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def _fail(self, step: str) -> None:
        if step == self._step:
            raise RuntimeError("lgpio: 'bad handle'")

    def play(self, tone: object) -> None:
        self._fail("play")

    def stop(self) -> None:
        self._fail("stop")

    def close(self) -> None:
        super().close()
        self._fail("close")


@pytest.mark.parametrize("step", ["play", "stop", "close"])
def test_a_pin_that_fails_while_it_plays_is_one_of_our_errors_and_let_go(step: str) -> None:
    tone = Failing(step)
    with pytest.raises(PortLost, match="GPIO 26 failed: lgpio: 'bad handle'"):
        Buzzer(26, lambda pin: tone).play((Note(440, 0.0),), threading.Event())
    assert tone.did == ["close"]


def test_a_melody_can_be_cut_short() -> None:
    tone, stopping = Tone(), threading.Event()
    stopping.set()
    assert not Buzzer(26, lambda pin: tone).play((Note(440, 9.0), Note(880, 9.0)), stopping)
    assert tone.did == ["tone", "stop", "close"]


def test_the_real_library_plays_on_a_pin_of_its_own_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpiozero's own mock pins: the tones are really those that were asked for."""
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=MockPWMPin))
    assert Buzzer(26).play((Note(440, 0.001), Note(0, 0.001), Note(880, 0.001)), threading.Event())
    pin = gpiozero.Device.pin_factory.pin(26)
    assert pin.frequency is None
    with pytest.raises(DeviceMissing):
        monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
        monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "native")
        Buzzer(26).play((Note(440, 0.001),), threading.Event())
