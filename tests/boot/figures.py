"""How long the device takes to start and how much memory it uses: `python3 -m tests.boot.figures BASE IMAGE`.

BASE is an image of image/stage-base alone (scripts/boot-figures makes it): what the emulator costs stands
beside what our stage costs. Times are the guest's own, from the start of its kernel.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from tests.boot.emulator import boards
from tests.boot.emulator.card import Card
from tests.boot.emulator.far_end import answering
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.plugs import serial_cable
from tests.boot.emulator.waiting import patience

# A simulated radio is there when the kernel's modules are loaded, as the Pi's own is.
RADIO = "modules_load=mac80211_hwsim mac80211_hwsim.radios=1"

MODEMS = 4
EVERYTHING = (
    *(f"modems/m{n} name=M{n} port=/dev/ttyUSB{n} default_modem=true" for n in range(MODEMS)),
    "subscriber_amqp enable=on",
    "subscriber_mqtt enable=on",
    "subscriber_redis enable=on",
    "subscriber_activemq enable=on",
    "subscriber_stomp enable=on",
    "subscriber_ws enable=on",
    "smtp active=on",
)


def reached(machine: Machine, unit: str) -> str:
    """Seconds from the kernel's start until the unit was active."""
    shown = machine.console.run(f"systemctl show --property ActiveEnterTimestampMonotonic --value {unit}")
    return f"{int(shown) / 1e6:.1f} s"


def used(machine: Machine) -> str:
    meminfo = machine.console.run("grep -E '^(MemTotal|MemAvailable)' /proc/meminfo").split()
    return f"{(int(meminfo[1]) - int(meminfo[4])) / 1024:.0f} MB"


@contextmanager
def modems(machine: Machine) -> Iterator[None]:
    """At the USB ports, their far ends on this host: to simulate them takes none of the device's memory."""
    air = Air()
    with ExitStack() as stack:
        for number in range(MODEMS):
            cable = stack.enter_context(serial_cable(machine, f"cable{number}"))
            modem = SimModem(f"stick{number}", make="huawei", air=air, card=numbered(number + 1))
            stack.enter_context(answering(modem, cable))
            machine.console.eventually(f"test -c /dev/ttyUSB{number}")
        yield


def measure(image: Path, append: str, ours: bool) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="otppi.") as folder:
        machine = boards.virt(Card(image), Path(folder), append=append)
        try:
            machine.wait_until_up(patience(120))
            found = {"start to multi-user.target": reached(machine, "multi-user.target")}
            if not ours:
                return found | {"memory used": used(machine)}
            machine.console.eventually("systemctl is-active otppi-ap", patience(60))
            found["start to access point"] = reached(machine, "otppi-ap")
            found["start to ready (the gateway answers)"] = reached(machine, "otppi")
            found["memory used"] = used(machine)
            with modems(machine):
                for change in EVERYTHING:
                    machine.console.run(f"cd / && runuser -u otppi -- otppi set {change}", patience(60))
                machine.console.eventually("curl -sf http://127.0.0.1:8899/health/ready", patience(60))
                machine.console.run("sleep 90")  # what started with the device has gone to rest
                found["memory used, everything on"] = used(machine)
                pid = machine.console.run("systemctl show -P MainPID otppi")
                own = machine.console.run(f"grep VmRSS /proc/{pid}/status").split()[1]
                found["of it the gateway"] = f"{int(own) / 1024:.0f} MB"
                return found
        finally:
            machine.cut_power()


def main() -> None:
    base, image = (Path(argument).resolve() for argument in sys.argv[1:3])
    alone = measure(base, "", ours=False)
    rows = measure(image, RADIO, ours=True)
    again = measure(image, RADIO, ours=True)
    sys.stdout.write("| | the base alone | with our stage | again |\n|---|---|---|---|\n")
    for name, figure in rows.items():
        sys.stdout.write(f"| {name} | {alone.get(name, '')} | {figure} | {again[name]} |\n")


if __name__ == "__main__":
    main()
