"""Power that goes away in the middle of work, with all the card had not kept yet; a kernel that stops."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from tests.boot.conftest import step
from tests.boot.emulator import boards
from tests.boot.emulator.card import Card
from tests.boot.emulator.console import Console
from tests.boot.emulator.far_end import answering
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.plugs import serial_cable
from tests.boot.emulator.powercut import ForgetfulCard, forgetful_card
from tests.boot.emulator.waiting import patience, wait_until

GUEST = Path(__file__).parent / "guest"
CUTS = int(os.environ.get("OTPPI_CUTS", "1"))
AS_GATEWAY = "cd / && runuser -u otppi --"


def put(console: Console, program: str) -> None:
    """One of our programs into the guest's memory, where no power cut finds it again."""
    text = (GUEST / program).read_text()
    console.run(f"cat > /run/{program} <<'END OF {program}'\n{text}END OF {program}")


@dataclass(frozen=True)
class Acknowledged:
    """What the device had said when its power went.

    first: where all numbers begin. saved, scribbled: the last number. sent, taken: ids of messages.
    """

    first: int
    saved: int
    scribbled: int
    sent: Sequence[str]
    taken: Sequence[str]

    @classmethod
    def of(cls, words: str, first: int) -> "Acknowledged":
        # A line that was cut short tells nothing.
        saved = re.findall(r"^saved (\d+)\n", words, re.MULTILINE)
        scribbled = re.findall(r"^scribbled (\d+)\n", words, re.MULTILINE)
        return cls(
            first,
            int(saved[-1]) if saved else first,
            int(scribbled[-1]) if scribbled else first,
            re.findall(r"^sent (n\d+)\n", words, re.MULTILINE),
            re.findall(r"^taken (n\d+)\n", words, re.MULTILINE),
        )

    @property
    def enough(self) -> bool:
        many = len(self.sent) >= 15 and len(self.taken) >= 15
        return many and self.saved >= self.first + 10 and self.scribbled >= self.first + 5


def test_power_cuts_under_load_lose_nothing_that_was_acknowledged(card: Card, room: Path) -> None:
    """OTPPI_CUTS of them, one after the other on the same card."""
    modem = SimModem("stick", make="huawei", air=Air(), card=numbered(7), delay=0.3)
    with forgetful_card(card, room) as disk:
        device = boards.virt(card, room, disk=disk.insert())
        try:
            with step("virt on a card that forgets: from power to 'running'"):
                device.wait_until_up(patience(60))
            device.console.run(
                f"{AS_GATEWAY} otppi add-api-user shop --password-stdin <<< grey-otter-sings-42"
            )
            device.console.run(
                f"{AS_GATEWAY} otppi set modems/m1 name=M1 port=/dev/ttyUSB0 default_modem=true"
            )
            for cut in range(1, CUTS + 1):
                said = until_the_power_goes(device, disk, modem, first=10_000 * cut + 1)
                device = boards.virt(card, room, disk=disk.insert())
                with step(f"virt: from power to 'running', after power cut {cut}"):
                    device.wait_until_up(patience(60))
                failed = device.console.run("systemctl --failed --no-legend --plain")
                assert (device.state, failed) == ("running", "")
                the_settings_are_whole(device, said.saved)
                with serial_cable(device) as cable, answering(modem, cable):
                    the_modem_sends_again(device, f"after cut {cut}.")
                    every_message_is_accounted_for(device, said, modem.air)
                assert [message.text for message in modem.air.inbox()].count(f"after cut {cut}.") == 1
                newest = f"/var/tmp/scribble-{said.scribbled}"
                assert not device.console.succeeds(f"test -s {newest}"), "the card did not lose anything"
        finally:
            device.cut_power()


def until_the_power_goes(device: Machine, disk: ForgetfulCard, modem: SimModem, first: int) -> Acknowledged:
    """Settings are saved and messages sent, all numbered from the first on, until all is dark at once."""
    console = device.console
    put(console, "load.py")
    with serial_cable(device) as cable, answering(modem, cable):
        console.eventually("curl -sf http://127.0.0.1:8899/health/ready", patience(60))
        console.type(f"{AS_GATEWAY} python3 /run/load.py {first}")
        wait_until(lambda: Acknowledged.of(console.heard(), first).enough, patience(60))
        # A guest whose card alone has lost its power would go on talking.
        device.freeze()
        disk.cut_power()
        device.cut_power()
    return Acknowledged.of(console.last_words(), first)


def the_settings_are_whole(device: Machine, acknowledged: int) -> None:
    """Old or new, and never half of each: both options of the section carry the same number."""
    assert device.console.run(f"{AS_GATEWAY} otppi check", check=False).count("general") == 0
    kept = json.loads(device.console.run("cat /var/lib/otppi/settings/general.json"))
    number = int(kept["device_name"].removeprefix("branch "))
    assert kept["ntp_server"] == f"time{number}.lan"
    assert number >= acknowledged


def the_modem_sends_again(device: Machine, text: str) -> None:
    """What was still to be sent would be on the air before this one."""
    device.console.eventually("curl -sf http://127.0.0.1:8899/health/ready", patience(60))
    body = json.dumps({"command": "send-sms", "data": {"receiver": "+6281212345678", "message": text}})
    shop = "curl -s -u shop:grey-otter-sings-42 http://127.0.0.1:8899/api/message"
    answer = json.loads(device.console.run(f"{shop} -d '{body}'", patience(60)))
    assert answer["response_code"] == "0000", answer


def every_message_is_accounted_for(device: Machine, said: Acknowledged, air: Air) -> None:
    put(device.console, "states.py")
    ids = [*said.sent, *said.taken]
    told = device.console.run(f"python3 /run/states.py {' '.join(ids)}", patience(60))
    state = dict(line.split() for line in told.splitlines())
    texts = [message.text for message in air.inbox()]
    for one in ids:
        on_the_air = texts.count(f"text number {one.removeprefix('n')}.")
        assert on_the_air <= 1, f"{one} went out {on_the_air} times"
        assert state[one] in ("sent", "unknown", "lost", "failed"), one
        if state[one] == "sent":
            assert on_the_air == 1, one
        if state[one] in ("lost", "failed"):
            assert on_the_air == 0, one
    assert {state[one] for one in said.sent} == {"sent"}


def test_the_watchdog_bites_when_the_kernel_stops(virt: Machine) -> None:
    """On the generic board: the emulated Pi's watchdog resets the board as soon as it is armed."""
    assert virt.console.run("cat /sys/class/watchdog/watchdog0/state") == "active"
    assert virt.console.run("cat /sys/class/watchdog/watchdog0/timeout") == "14"
    virt.console.run("sysctl kernel.panic=0 kernel.sysrq=1")
    virt.console.type("echo c >/proc/sysrq-trigger")
    virt.console.wait_for("end Kernel panic", patience(10))
    virt.qmp.wait_for("WATCHDOG", timeout=patience(60))
