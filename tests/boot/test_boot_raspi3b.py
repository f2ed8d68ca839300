"""The unmodified image on an emulated Raspberry Pi 3B, driven by its serial port."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app.bell import MELODIES
from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from tests.boot.browser import Browser
from tests.boot.emulator.console import CommandFailed, Console
from tests.boot.emulator.far_end import answering
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.pins import Recorder, Tone, tones
from tests.boot.emulator.plugs import fat_stick, flash_disk_on_a_pi, python_library, serial_cable
from tests.boot.emulator.waiting import patience, wait_until

GUEST = Path(__file__).parent / "guest"
PIN = 26
ATTEMPTS = 6
LIBRARIES = "/usr/local/lib/pins"

# What each melody is made of, in hertz and seconds, by hand from a table of the tempered scale (A4 = 440).
TONES: dict[str, list[tuple[float, float]]] = {
    "fail_send_sms": [(880, 0.15), (880, 0.15), (659, 0.4)],
    "amqp_disconnected": [(784, 0.2), (523, 0.3)],
    "mqtt_disconnected": [(784, 0.2), (587, 0.3)],
    "ws_disconnected": [(784, 0.2), (659, 0.3)],
    "redis_disconnected": [(880, 0.2), (523, 0.3)],
    "activemq_disconnected": [(880, 0.2), (587, 0.3)],
    "stomp_disconnected": [(880, 0.2), (698, 0.3)],
    "reset_started": [(523, 0.1), (523, 0.1)],
    "reset_done": [(523, 0.15), (659, 0.15), (784, 0.15), (1047, 0.4)],
    "reset_refused": [(523, 0.6), (523, 0.6)],
}


def otppi(console: Console, arguments: str) -> None:
    """The gateway's command line, as its own user."""
    console.run(f"cd / && runuser -u otppi -- otppi {arguments}", patience(60))


def test_everything_started_and_nothing_failed(raspi3b: Machine) -> None:
    failed = raspi3b.console.run("systemctl --failed --no-legend --plain")
    assert (raspi3b.state, failed) == ("running", "")


def test_it_knows_which_board_it_is(raspi3b: Machine) -> None:
    assert raspi3b.console.run("tr -d '\\0' </proc/device-tree/model") == "Raspberry Pi 3 Model B"
    card = json.loads(raspi3b.console.run("cat /var/lib/otppi/card.json"))
    assert card["ssid"] == "OTP-Pi-C0DE"


def test_the_kernel_drives_the_clock_chip_and_took_the_time_from_it(raspi3b: Machine) -> None:
    assert raspi3b.console.run("cat /sys/class/rtc/rtc0/name") == "rtc-ds1307 1-0068"
    assert raspi3b.console.run("cat /sys/class/rtc/rtc0/hctosys") == "1"
    assert raspi3b.console.run("date --utc +%Y-%m-%d") == "2031-02-03"


def test_hwclock_reads_what_the_admin_set(raspi3b: Machine) -> None:
    """By the page's button, in a browser that lives in 2033."""
    console = raspi3b.console
    otppi(console, "set users/ann username=ann password=grey-otter-sings-42 role=administrator")
    browser = Browser(console, "http://127.0.0.1:8888")
    browser.eventually("/login", "csrf-token", patience(60))
    browser.sign_in("ann", "grey-otter-sings-42")

    def taken() -> bool:
        # The time service of this board starts more slowly than the gateway waits for it: the button again.
        with suppress(CommandFailed):
            browser.submit("/system/time", "/system/time/set", unix="2000000000.000")
        return console.run("date --utc +%Y-%m-%d") == "2033-05-18"

    wait_until(taken, patience(90))
    # 2,000,000,000 s after 1970 it is 03:33:20 on 18 May 2033 in Greenwich.
    assert console.run("TZ=UTC hwclock --get --utc").startswith("2033-05-18 03:")


def test_a_flash_disk_on_the_usb_port_can_be_read(raspi3b: Machine, tmp_path: Path) -> None:
    stick = fat_stick(tmp_path / "stick.img", {"otppi/hello.txt": "hello"})
    with flash_disk_on_a_pi(raspi3b, stick) as device:
        read = f"mount -o ro {device} /mnt && cat /mnt/otppi/hello.txt; umount /mnt"
        assert raspi3b.console.run(read) == "hello"
    raspi3b.console.eventually(f"test ! -e {device}")


@pytest.fixture(scope="module")
def application(raspi3b: Machine) -> str:
    """A curl command that lacks the body: the company's server, on the board itself."""
    otppi(raspi3b.console, "add-api-user shop --password-stdin <<< grey-otter-sings-42")
    return "curl -s -u shop:grey-otter-sings-42 http://127.0.0.1:8899/api/message -d"


@pytest.fixture(scope="module")
def buzzer(raspi3b: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """How to run ring.py on a board that has lgpio and a gpiozero that goes with it, as Raspberry Pi OS does.

    Debian has no package of the one and an older version of the other: a stick brings both.
    """
    libraries = python_library("lgpio") | python_library("gpiozero")
    stick = fat_stick(tmp_path_factory.mktemp("stick") / "libraries.img", libraries)
    console = raspi3b.console
    # Not to /run, from where no program may be loaded.
    with flash_disk_on_a_pi(raspi3b, stick) as device:
        take = f"mkdir -p {LIBRARIES} && mount -o ro {device} /mnt && cp -r /mnt/* {LIBRARIES} && umount /mnt"
        # The reset unit may have the stick at the same moment, for its reader's eyes only: a second mount
        # shows the same.
        console.run(f"{take} && chmod -R a+rX {LIBRARIES}")
    text = (GUEST / "ring.py").read_text()
    console.run(f"cat > /run/ring.py <<'END OF ring.py'\n{text}END OF ring.py")
    folder = "/run/systemd/system/otppi.service.d"
    drop_in = f"[Service]\\nEnvironment=PYTHONPATH={LIBRARIES}\\n"
    console.run(f"mkdir -p {folder}; printf '{drop_in}' > {folder}/lgpio.conf; systemctl daemon-reload")
    console.run("systemctl restart otppi", patience(60))
    environment = console.run("systemctl show --property Environment --value otppi")
    return f"cd /usr/lib/otppi && runuser -u otppi -- env {environment} python3 /run/ring.py"


@contextmanager
def ringer(console: Console, command: str) -> Iterator[None]:
    """ring.py reads from the console while the block runs, and no longer whatever becomes of it."""
    console.type(command)
    try:
        console.wait_for(r"what\?\n", patience(60))
        yield
    finally:
        console.type("end")
        console.run("true")


def alike(heard: list[Tone], wanted: list[tuple[float, float]]) -> bool:
    """The same tones, a tenth sharp or flat; what is short is short, whatever a busy host adds."""
    return len(heard) == len(wanted) and all(
        abs(tone.hertz - hertz) < 0.1 * hertz and seconds / 2 < tone.seconds < seconds * 2
        for tone, (hertz, seconds) in zip(heard, wanted, strict=True)
    )


@pytest.fixture(scope="module")
def played(raspi3b: Machine, registers: Recorder, buzzer: str) -> dict[str, list[Tone]]:
    """The tones that were seen on the pin while each melody was played.

    Again when they are others than wanted: a busy host leaves the emulator without its processor for longer
    than a period. What is wrong in itself is wrong each time.
    """
    assert set(TONES) == set(MELODIES)
    heard: dict[str, list[Tone]] = {}
    with ringer(raspi3b.console, f"{buzzer} play"):
        for name, wanted in TONES.items():
            for _ in range(ATTEMPTS):
                with registers.recording(raspi3b):
                    raspi3b.console.type(name)
                    raspi3b.console.wait_for(rf"played {name}\n", patience(30))
                heard[name] = tones(registers.edges(PIN))
                if alike(heard[name], wanted):
                    break
    return heard


@pytest.mark.parametrize("melody", TONES)
def test_the_buzzers_pin_moves_at_the_pace_of_each_melody(played: dict[str, list[Tone]], melody: str) -> None:
    assert alike(played[melody], TONES[melody]), played[melody]


def test_a_message_that_fails_rings_until_it_is_silenced(
    raspi3b: Machine, registers: Recorder, buzzer: str
) -> None:
    console = raspi3b.console

    def quiet() -> bool:
        registers.begin()
        time.sleep(3)
        return registers.edges(PIN) == []

    with ringer(console, f"{buzzer} silence"), registers.recording(raspi3b):
        wait_until(lambda: len(tones(registers.edges(PIN))) >= 3, patience(30))
        console.type("ringing")
        assert console.wait_for(r"ringing (.*)\n", patience(30))[1] == "fail_send_sms"
        console.type("silence")
        console.wait_for(r"silenced\n", patience(30))
        wait_until(quiet, patience(15))  # the note that sounded may end
        registers.begin()
        console.type("wait")
        assert console.wait_for(r"waited, trouble(.*)\n", patience(30))[1].strip() == ""
        assert registers.edges(PIN) == []


def test_the_service_itself_rings_in_its_fences(
    raspi3b: Machine, registers: Recorder, buzzer: str, application: str
) -> None:
    console = raspi3b.console
    otppi(console, "set bell fail_send_sms=once")
    console.eventually("journalctl -b -u otppi --no-pager | grep -q 'settings of bell changed'", patience(60))
    body = '{"command":"send-sms","data":{"receiver":"+6281212345678","message":"to nobody"}}'
    heard: list[Tone] = []
    for _ in range(ATTEMPTS):
        with registers.recording(raspi3b):
            answer = console.run(f"{application} '{body}'; sleep 3", patience(30))
        assert json.loads(answer)["response_code"] != "0000"
        heard = tones(registers.edges(PIN))
        if alike(heard, TONES["fail_send_sms"]):
            break
    assert alike(heard, TONES["fail_send_sms"]), heard


def test_a_modem_on_the_usb_port_sends(raspi3b: Machine, application: str) -> None:
    """After everything else on this port: it stays plugged in."""
    modem = SimModem("stick", make="huawei", air=Air(), card=numbered(7))
    console = raspi3b.console
    otppi(console, "set modems/m1 name=M1 port=/dev/ttyUSB0 default_modem=true")
    with serial_cable(raspi3b, port="1", stays=True) as cable, answering(modem, cable):
        console.eventually("curl -sf http://127.0.0.1:8899/health/ready", patience(60))
        body = '{"command":"send-sms","data":{"receiver":"+6281212345678","message":"from a Pi"}}'
        answer = console.run(f"{application} '{body}'", patience(30))
        assert json.loads(answer)["response_code"] == "0000"
        assert [message.text for message in modem.air.inbox()] == ["from a Pi"]


def test_the_kernel_drives_the_boards_watchdog_and_arms_it(raspi3b: Machine, registers: Recorder) -> None:
    """Last in this file: the emulated BCM2835 resets the board the moment its watchdog is armed."""
    identity = raspi3b.console.run("cat /sys/class/watchdog/watchdog0/identity")
    assert identity == "Broadcom BCM2835 Watchdog timer"
    raspi3b.qmp.ask("set-action", shutdown="pause")
    manager = "org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
    with registers.recording(raspi3b):
        raspi3b.console.type(f"busctl set-property {manager} RuntimeWatchdogUSec t 14000000")
        raspi3b.qmp.wait_for("SHUTDOWN", patience(30), reason="guest-reset")
    # Behind the password 0x5a (drivers/watchdog/bcm2835_wdt.c): PM_WDOG has 15 s in 16.16 fixed point, the
    # driver's own until systemd, one call later, would have set its 14; PM_RSTC asks for a whole reset.
    written = registers.text()
    assert "addr 0x3f100024 value 0x5a0f0000" in written
    assert re.search(r"addr 0x3f10001c value 0x5a000[0-9a-f]2[0-9a-f] ", written)
