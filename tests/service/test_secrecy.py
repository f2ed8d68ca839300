"""After a run at DEBUG no code, no text, no PIN and no password is in any log, file or database page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from app.store.places import Places
from bench.client import Client
from bench.rig import PASSWORD, Gateway, Simulators
from tests.service.test_nothing_lost import status, take_later

TEXT = "Xylophone-Quartz 4711 for nobody's eyes"
LONG = "Marmalade-Zeppelin " * 20
PIN = "8264"


def traces(secret: str, folders: list[Path]) -> list[str]:
    """Files that hold a text as it is, as UTF-16, or as the packed hex of a PDU."""
    wanted = [secret.encode(), secret.encode("utf-16-be"), secret.encode("utf-16-be").hex().upper().encode()]
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in wanted)
    ]


def test_nothing_secret_is_left_anywhere(
    simulators: Callable[..., Simulators], gateway: Callable[..., Gateway]
) -> None:
    world = simulators(2, 5, "sim800", "--pin", PIN)
    modems = {f"m{n}": {"port": path, "sim_pin": PIN} for n, path in enumerate(world.paths)}
    service = gateway(modems, log="DEBUG").start()
    client = Client(service.port)
    codes = set()

    for number in range(20):
        data = {"reference": f"r{number}", "receiver": f"08120000{number:04d}"}
        asked = client.call("request-otp", message=f"{TEXT} %s", param1="param-Obsidian", **data)
        assert asked["response_code"] == "0000"
        newest = world.order("inbox", limit=1)["messages"][0]["text"]
        code = re.fullmatch(re.escape(TEXT) + r" (\d{6})", newest)
        assert code is not None
        codes.add(code[1])
        assert client.call("verify-otp", otp="000000", **data)["response_code"] == "1202"
        answer = client.call("verify-otp", otp=code[1], param1="param-Obsidian", **data)
        assert answer["response_code"] == "0000"

    client.call("send-sms", receiver="0812000001", message=LONG)
    client.call("send-sms", receiver="0812000001", message=TEXT + " \u20ac\u4f60")  # UCS-2
    world.order("fault", when="body", action="refuse", final="+CMS ERROR: 10", times=2)
    assert client.call("send-sms", receiver="0812000001", message=TEXT)["response_code"] == "1102"
    client.call("send-sms", receiver="nonsense", message=TEXT)
    client.call("request-otp", reference="x", receiver="0812000001", message=TEXT)  # no place for the code
    client.send(b'{"command":"send-sms","data":{"receiver":"0812","message":"' + TEXT.encode() + b'"')
    client.receive()
    client.close()
    take_later(service, "later", TEXT)
    while (status(service, "later") or {})["state"] in ("queued", "sending"):
        pass
    for one in world.modems:
        world.order("sms", modem=one["name"], **{"from": "+6281234", "text": "Tamarind"})
    stranger = Client(service.port, user="mallory", password="Cinnamon-Password")
    stranger.call("send-sms", receiver="0812000001", message=TEXT)
    service.stop()

    runtime = Places(service.home).runtime
    folders = [service.home, runtime]
    for secret in (TEXT, "Xylophone", "Marmalade", "Obsidian", "Cinnamon", PASSWORD):
        assert traces(secret, folders) == [], secret
    log = service.log.read_text()
    assert len(log) > 1000 and "AT+CMGS=" in log  # the run did log the dialogue
    assert f'"{PIN}"' not in log
    assert not re.search(r"[0-9A-Fa-f]{44}", log)  # no PDU either
    for code in codes:
        assert not re.search(rf"(?<!\d){code}(?!\d)", log)
        assert traces(code, [runtime]) == []
    database = b"".join(path.read_bytes() for path in service.home.glob("state.db*"))
    # Six digits may stand in a number or a time by chance; as a text of their own they must not.
    assert not [
        code for code in codes if re.search(rb"(?<![0-9.])" + code.encode() + rb"(?![0-9.])", database)
    ]
