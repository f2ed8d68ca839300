"""The bell on a booted device: gpiozero's own buzzer on simulated pins, and what is heard."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings.bell import Bell
from tests.system.browser import Browser
from tests.system.gateway import Asker
from tests.system.machine import Machine, machine, until

PIN = 19
#: Option → the tones of its melody in hertz, and what makes its trouble: a subscriber that finds nobody.
HEARD = {
    "fail_send_sms": ("880 880 659", ""),
    "amqp_disconnected": ("784 523", "subscriber_amqp"),
    "mqtt_disconnected": ("784 587", "subscriber_mqtt"),
    "ws_disconnected": ("784 659", "subscriber_ws"),
    "redis_disconnected": ("880 523", "subscriber_redis"),
    "activemq_disconnected": ("880 587", "subscriber_activemq"),
    "stomp_disconnected": ("880 698", "subscriber_stomp"),
}
OTHERS = {"gpio_pin", "quiet_from", "quiet_until"}  # each has a test below
# Python reads this at its start: every tone of a simulated pin is written down.
EAR = """
from gpiozero.pins.mock import MockPWMPin
set_frequency = MockPWMPin._set_frequency
def heard(pin, value):
    set_frequency(pin, value)
    if value == 100:
        return  # gpiozero's own, before the first tone
    number = getattr(pin, "number", None) or pin.info.name.removeprefix("GPIO")
    with open("/run/otppi/heard", "a") as file:
        file.write("-" if value is None else f" {number}:{round(value)}")
MockPWMPin._set_frequency = heard
"""


def test_every_option_of_the_bell_is_heard_in_a_test() -> None:
    assert set(HEARD) | OTHERS == set(Bell.options)


@pytest.fixture(scope="module")
def ringing() -> Iterator[Machine]:
    """A device with a buzzer that is written down, and brokers that are not there."""

    def give_an_ear(root: Path) -> None:
        (root / "usr/lib/ear").mkdir()
        (root / "usr/lib/ear/sitecustomize.py").write_text(EAR)
        folder = root / "etc/systemd/system/otppi.service.d"
        folder.mkdir(parents=True)
        (folder / "ear.conf").write_text(
            "[Service]\nEnvironment=GPIOZERO_PIN_FACTORY=mock GPIOZERO_MOCK_PIN_CLASS=mockpwmpin "
            "PYTHONPATH=/usr/lib/ear\n"
        )

    with machine(prepare=give_an_ear) as device:
        device.booted()
        device.settled("otppi.service")
        yield device


def clear(device: Machine) -> None:
    device("rm -f /run/otppi/heard")


def tones(device: Machine) -> str:
    """What was heard since `clear`, as ``19:784 19:523``."""
    return " ".join(device("cat /run/otppi/heard 2>/dev/null", check=False).replace("-", " ").split())


def melody(option: str, pin: int = PIN) -> str:
    return " ".join(f"{pin}:{hertz}" for hertz in HEARD[option][0].split())


@pytest.fixture(scope="module")
def browser(ringing: Machine) -> Browser:
    return Browser(ringing)


def put(device: Machine, browser: Browser, **options: str) -> None:
    """Change the section in its form, and wait until the bell goes by it."""
    before = taken_over(device, "bell")
    browser.save("bell", **options)
    until(lambda: taken_over(device, "bell") > before, "the bell has taken it over")


def taken_over(device: Machine, section: str) -> int:
    """How often the service said so."""
    return said(device, f"the settings of {section} changed and are in force")


def said(device: Machine, sentence: str) -> int:
    """How often it stands in the service's journal."""
    return device("journalctl --boot --no-pager --output=cat --unit=otppi.service").count(sentence)


PORTS = itertools.count(9)  # nobody listens there; another one each time, for the same trouble is told once


def trouble(device: Machine, option: str) -> None:
    """Make what the option is about happen, anew."""
    section = HEARD[option][1]
    if section:
        device.set(section, "enable=on", "host=127.0.0.1", f"port={next(PORTS)}", "reconnect_delay=1")
    else:
        send_for_nothing(device)


def send_for_nothing(device: Machine) -> None:
    """A message that no modem carries; its sender may be new, and is let in a moment later."""
    app = Asker(device)
    message = {"receiver": "081234567890", "message": "no modem carries this"}
    until(lambda: app.code("send-sms", **message) == "1101", "the message is turned down for want of a modem")


@pytest.mark.parametrize("option", HEARD)
def test_a_trouble_is_heard_until_it_is_over(ringing: Machine, browser: Browser, option: str) -> None:
    put(ringing, browser, gpio_pin=str(PIN), quiet_from="", quiet_until="", **{option: "repeat"})
    clear(ringing)
    trouble(ringing, option)
    try:
        until(lambda: tones(ringing).count(melody(option)) >= 2, f"{option} is heard again and again")
    except AssertionError as error:
        said = ringing.journal("otppi.service")
        raise AssertionError(f"{error}; heard: {tones(ringing)!r}\n{said}") from None
    put(ringing, browser, **{option: "none"})


def test_a_broker_that_its_owner_switches_off_falls_silent(ringing: Machine, browser: Browser) -> None:
    put(ringing, browser, redis_disconnected="repeat")
    clear(ringing)
    trouble(ringing, "redis_disconnected")
    until(lambda: melody("redis_disconnected") in tones(ringing), "it is heard")
    told = taken_over(ringing, "subscriber_redis")
    ringing.set("subscriber_redis", "enable=off")
    until(lambda: taken_over(ringing, "subscriber_redis") > told, "it is switched off")
    clear(ringing)
    time.sleep(6)  # the pause after which it would be heard again
    assert tones(ringing) == ""


def test_once_is_heard_once_and_silent_not_at_all(ringing: Machine, browser: Browser) -> None:
    put(ringing, browser, redis_disconnected="once", amqp_disconnected="none")
    clear(ringing)
    trouble(ringing, "amqp_disconnected")
    trouble(ringing, "redis_disconnected")
    until(lambda: melody("redis_disconnected") in tones(ringing), "it is heard")
    time.sleep(6)  # the pause after which it would be heard again
    assert tones(ringing) == melody("redis_disconnected")


def test_it_keeps_silent_in_the_quiet_hours_and_is_heard_when_they_end(
    ringing: Machine, browser: Browser
) -> None:
    until(lambda: ringing("date +%H:%M") != "23:59", "another minute than the only loud one", 90)
    put(ringing, browser, redis_disconnected="repeat", quiet_from="00:00", quiet_until="23:59")
    clear(ringing)
    refused = said(ringing, "redis: ")
    trouble(ringing, "redis_disconnected")
    until(lambda: said(ringing, "redis: ") > refused, "the broker is away")
    time.sleep(6)  # the pause after which it would be heard again
    assert tones(ringing) == ""
    put(ringing, browser, quiet_from="", quiet_until="")
    until(lambda: melody("redis_disconnected") in tones(ringing), "it is heard now that the hours are over")


def test_the_whole_section_is_there_again_after_a_restart(ringing: Machine, browser: Browser) -> None:
    options = {
        "fail_send_sms": "once",
        "amqp_disconnected": "repeat",
        "mqtt_disconnected": "once",
        "ws_disconnected": "once",
        "redis_disconnected": "repeat",
        "activemq_disconnected": "once",
        "stomp_disconnected": "once",
        "quiet_from": "03:00",
        "quiet_until": "03:01",
        "gpio_pin": "13",
    }
    assert set(options) == set(Bell.options)
    put(ringing, browser, **options)
    ringing("systemctl restart otppi")
    ringing.settled("otppi.service")
    clear(ringing)
    until(lambda: tones(ringing).count(melody("redis_disconnected", 13)) >= 2, "it repeats on the other pin")
    shown = Browser(ringing).shown("/settings/bell")
    assert {name: shown[name] for name in options} == {name: [value] for name, value in options.items()}


def test_a_machine_without_gpio_says_so_once_and_goes_on(device: Machine) -> None:
    device.set("bell", "fail_send_sms=repeat")
    send_for_nothing(device)
    until(lambda: said(device, "the bell is not heard"), "it says so")
    time.sleep(6)
    assert said(device, "the bell is not heard") == 1
    assert device("systemctl is-active otppi") == "active"
    device("rm /var/lib/otppi/settings/bell.json; runuser -u otppi -- otppi delete api_users/probe")
