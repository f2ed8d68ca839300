"""The unmodified image on an emulated Raspberry Pi 3B, driven by its serial port."""

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest

from app.bell import MELODIES
from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from tests.boot.emulator.console import CommandFailed, Console
from tests.boot.emulator.far_end import answering
from tests.boot.emulator.machine import Machine, patience
from tests.boot.emulator.pins import Recorder, tones
from tests.boot.emulator.plugs import fat_stick, flash_disk, python_library, serial_cable

GUEST = Path(__file__).parent / "guest"
PIN = 26
ATTEMPTS = 6
LIBRARIES = "/usr/local/lib/pins"

# What each melody is made of, in hertz, by hand from a table of the tempered scale (A4 = 440).
TONES: dict[str, list[float]] = {
    "fail_send_sms": [880, 880, 659],
    "amqp_disconnected": [784, 523],
    "mqtt_disconnected": [784, 587],
    "ws_disconnected": [784, 659],
    "redis_disconnected": [880, 523],
    "activemq_disconnected": [880, 587],
    "stomp_disconnected": [880, 698],
    "reset_started": [523, 523],
    "reset_done": [523, 659, 784, 1047],
    "reset_refused": [523, 523],
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


def test_hwclock_reads_what_the_gateway_set(raspi3b: Machine) -> None:
    program = (
        "from app.system.dbus import SystemBus; from app.system.timekeeping import Time; "
        "from hw.rtc import Rtc; Time(SystemBus(), Rtc()).set(2_000_000_000)"
    )
    as_gateway = "cd /usr/lib/otppi && runuser -u otppi --"
    # The time service is slow to start on this board; the gateway waits no longer for it than 25 s.
    slowly = "SYSTEMD_BUS_TIMEOUT=240s timedatectl set-ntp false"
    raspi3b.console.run(slowly, patience(75), check=False)
    raspi3b.console.eventually(f"{as_gateway} python3 -c '{program}'", patience(60))
    # 2,000,000,000 s after 1970 it is 03:33:20 on 18 May 2033 in Greenwich.
    assert raspi3b.console.run("TZ=UTC hwclock --get --utc").startswith("2033-05-18 03:3")
    assert raspi3b.console.run("date --utc +%Y-%m-%d") == "2033-05-18"


def test_a_flash_disk_on_the_usb_port_can_be_read(raspi3b: Machine, tmp_path: Path) -> None:
    stick = fat_stick(tmp_path / "stick.img", {"otppi/hello.txt": "hello"})
    with flash_disk(raspi3b, stick, port="1"):
        raspi3b.console.eventually("test -b /dev/sda")
        read = "mount -o ro /dev/sda /mnt && cat /mnt/otppi/hello.txt; umount /mnt"
        assert raspi3b.console.run(read) == "hello"
    raspi3b.console.eventually("test ! -b /dev/sda")


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
    take = f"mkdir -p {LIBRARIES} && mount -o ro /dev/sda /mnt && cp -r /mnt/* {LIBRARIES}; umount /mnt"
    for name in ("libraries", "again", "once-more"):  # the emulated port now and then misses a plug
        with flash_disk(raspi3b, stick, name, port="1"), suppress(CommandFailed):
            console.eventually("test -b /dev/sda", patience(10))
            console.run(take)
            break
    text = (GUEST / "ring.py").read_text()
    console.run(f"cat > /run/ring.py <<'END OF ring.py'\n{text}END OF ring.py")
    folder = "/run/systemd/system/otppi.service.d"
    drop_in = f"[Service]\\nEnvironment=PYTHONPATH={LIBRARIES}\\n"
    console.run(f"mkdir -p {folder}; printf '{drop_in}' > {folder}/lgpio.conf; systemctl daemon-reload")
    console.run("systemctl restart otppi", patience(60))
    environment = console.run("systemctl show --property Environment --value otppi")
    return f"cd /usr/lib/otppi && runuser -u otppi -- env {environment} python3 /run/ring.py"


def alike(heard: list[float], wanted: list[float]) -> bool:
    return len(heard) == len(wanted) and all(
        abs(one - other) < 0.1 * other for one, other in zip(heard, wanted, strict=True)
    )


@pytest.fixture(scope="module")
def played(raspi3b: Machine, registers: Recorder, buzzer: str) -> dict[str, list[float]]:
    """The tones that were seen on the pin while each melody was played.

    Again when they are others than wanted: a busy host leaves the emulator without its processor for longer
    than a period. What is wrong in itself is wrong each time.
    """
    assert set(TONES) == set(MELODIES)
    heard: dict[str, list[float]] = {}
    raspi3b.console.type(f"{buzzer} play")
    raspi3b.console.wait_for(r"which\?\n", patience(60))
    for name, wanted in TONES.items():
        for _ in range(ATTEMPTS):
            registers.start(raspi3b)
            raspi3b.console.type(name)
            raspi3b.console.wait_for(rf"played {name}\n", patience(30))
            registers.stop(raspi3b)
            heard[name] = tones(registers.edges(PIN))
            if alike(heard[name], wanted):
                break
    raspi3b.console.type("end")
    raspi3b.console.run("true")
    return heard


@pytest.mark.parametrize("melody", TONES)
def test_the_buzzers_pin_moves_at_the_pace_of_each_melody(
    played: dict[str, list[float]], melody: str
) -> None:
    assert alike(played[melody], TONES[melody]), played[melody]


def test_a_message_that_fails_rings_until_it_is_silenced(
    raspi3b: Machine, registers: Recorder, buzzer: str
) -> None:
    registers.start(raspi3b)
    raspi3b.console.type(f"{buzzer} silence </dev/null")
    said = raspi3b.console.wait_for(r"ringing (.*)\n", patience(60))
    assert said[1] == "fail_send_sms"
    assert len(tones(registers.edges(PIN))) >= 3
    raspi3b.console.wait_for(r"silenced\n", patience(60))
    registers.start(raspi3b)
    said = raspi3b.console.wait_for(r"trouble(.*)\n", patience(60))
    assert said[1].strip() == ""
    assert registers.edges(PIN) == []
    registers.stop(raspi3b)
    raspi3b.console.run("true")


def test_the_service_itself_rings_in_its_fences(
    raspi3b: Machine, registers: Recorder, buzzer: str, application: str
) -> None:
    console = raspi3b.console
    otppi(console, "set bell fail_send_sms=once")
    console.eventually("journalctl -b -u otppi --no-pager | grep -q 'settings of bell changed'", patience(60))
    body = '{"command":"send-sms","data":{"receiver":"+6281212345678","message":"to nobody"}}'
    heard: list[float] = []
    for _ in range(ATTEMPTS):
        registers.start(raspi3b)
        answer = console.run(f"{application} '{body}'; sleep 3", patience(30))
        registers.stop(raspi3b)
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
    registers.start(raspi3b)
    raspi3b.qmp.ask("set-action", shutdown="pause")
    manager = "org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
    raspi3b.console.type(f"busctl set-property {manager} RuntimeWatchdogUSec t 14000000")
    raspi3b.qmp.wait_for("SHUTDOWN", patience(30), reason="guest-reset")
    # Behind the password 0x5a (drivers/watchdog/bcm2835_wdt.c): PM_WDOG has 15 s in 16.16 fixed point, the
    # driver's own until systemd, one call later, would have set its 14; PM_RSTC asks for a whole reset.
    written = registers.text()
    assert "addr 0x3f100024 value 0x5a0f0000" in written
    assert re.search(r"addr 0x3f10001c value 0x5a000[0-9a-f]2[0-9a-f] ", written)
