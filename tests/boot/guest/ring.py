"""Runs on the booted Raspberry Pi as the gateway's user: plays melodies by the product's own bell.

ring.py play             each melody named on a line of its input, `played NAME` after it, until a line `end`
ring.py silence          a failed message rings until it is over; lines `ringing`, `silence`, `wait`, `end`
"""

import sys
import threading
import time

sys.path.insert(0, "/usr/lib/otppi")
from app.bell import MELODIES, Bell
from app.core.clock import SystemClock
from app.core.events import MessageDone
from app.settings.bell import Bell as BellSettings
from hw.buzzer import Buzzer

ROUNDS = 8.0  # seconds in which whatever repeats would be heard again


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def play() -> None:
    buzzer = Buzzer(BellSettings().gpio_pin)
    say("what?")
    for line in sys.stdin:
        name = line.strip()
        if name == "end":
            return
        buzzer.play(MELODIES[name], threading.Event())
        say(f"played {name}")


def silence() -> None:
    bell = Bell(Buzzer, SystemClock())
    bell.apply(BellSettings(fail_send_sms="repeat"))
    bell.start()
    bell.hear(MessageDone(seq=1, modem="", state="failed", reason="no_modem", seconds=0.0))
    say("what?")
    for line in sys.stdin:
        match line.strip():
            case "ringing":
                say(f"ringing {' '.join(bell.ringing)}")
            case "silence":
                bell.silence()
                say("silenced")
            case "wait":
                time.sleep(ROUNDS)
                say(f"waited, trouble {bell.trouble}")
            case "end":
                break
    bell.stop()


if __name__ == "__main__":
    if sys.argv[1] == "play":
        play()
    else:
        silence()
