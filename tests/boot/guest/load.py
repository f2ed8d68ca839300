"""Runs on the booted device as the gateway's user: saves settings and sends messages until the power goes.

load.py FIRST            everything is numbered, from FIRST on

What it prints was acknowledged before: `saved N`, `sent nN` (it is out), `taken nN` (its outcome is to come).
"""

import base64
import itertools
import json
import sys
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, "/usr/lib/otppi")
from app.settings.general import General
from app.settings.store import SettingsStore

FIRST = int(sys.argv[1])
API = "http://127.0.0.1:8899/api/message"
AUTHORIZATION = "Basic " + base64.b64encode(b"shop:grey-otter-sings-42").decode()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def save() -> None:
    store = SettingsStore(Path("/var/lib/otppi"))
    for number in itertools.count(FIRST):
        changed = store.read(General).value.model_copy(
            update={"device_name": f"branch {number}", "ntp_server": f"time{number}.lan"}
        )
        store.save(General, changed)
        say(f"saved {number}")


def scribble() -> None:
    """What nobody flushes: the card forgets the last of it."""
    for number in itertools.count(FIRST):
        Path(f"/var/tmp/scribble-{number}").write_bytes(b"x" * 20_000)
        say(f"scribbled {number}")
        time.sleep(0.5)


def send(first: int, prefer: str, before: threading.Semaphore, after: threading.Semaphore) -> None:
    """Every second number from the first on; in turn with the other sender, so that the queue stays short."""
    for number in itertools.count(first, 2):
        before.acquire()
        data = {"receiver": "+6281212345678", "message": f"text number {number}.", "id": f"n{number}"}
        request = urllib.request.Request(
            API,
            json.dumps({"command": "send-sms", "data": data}).encode(),
            {"Authorization": AUTHORIZATION, "Prefer": prefer},
        )
        answer = json.load(urllib.request.urlopen(request, timeout=120))
        word = "taken" if prefer else "sent"
        say(f"{word if answer['response_code'] == '0000' else 'refused'} n{number}")
        after.release()


if __name__ == "__main__":
    taken, sent = threading.Semaphore(1), threading.Semaphore(1)
    for work in (
        save,
        scribble,
        lambda: send(FIRST, "", before=taken, after=sent),
        lambda: send(FIRST + 1, "respond-async", before=sent, after=taken),
    ):
        threading.Thread(target=work, daemon=True).start()
    threading.Event().wait()
