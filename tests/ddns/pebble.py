"""Pebble, Let's Encrypt's own test authority, and a Cloudflare whose records its name server shows.

Both programs are in Debian's package pebble. The fixtures are for conftest.py of whoever needs them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from bench.ports import free_port
from tests.ddns.servers import VendorServer
from tests.mail.servers import Authority as TlsAuthority

ABLE = bool(shutil.which("pebble") and shutil.which("pebble-challtestsrv"))


@dataclass
class Pebble:
    directory: str
    trust: str
    management: str

    def set_text(self, name: str, text: str) -> None:
        self._tell("set-txt", {"host": f"{name}.", "value": text})

    def clear_text(self, name: str) -> None:
        self._tell("clear-txt", {"host": f"{name}."})

    def _tell(self, what: str, body: dict[str, str]) -> None:
        with urlopen(Request(f"{self.management}/{what}", json.dumps(body).encode()), timeout=10):
            pass


@contextmanager
def authority_running(folder: Path) -> Iterator[Pebble]:
    """The authority and its name server, as long as this lasts."""
    tls = TlsAuthority(folder)
    listen, manage, names, management = (free_port() for _ in range(4))
    (folder / "pebble.json").write_text(
        json.dumps(
            {
                "pebble": {
                    "listenAddress": f"127.0.0.1:{listen}",
                    "managementListenAddress": f"127.0.0.1:{manage}",
                    "certificate": str(tls.server_file),
                    "privateKey": str(tls.server_file),
                    "httpPort": free_port(),
                    "tlsPort": free_port(),
                }
            }
        )
    )
    log = (folder / "log").open("wb")
    commands = (
        ["pebble", "-config", str(folder / "pebble.json"), "-strict", "-dnsserver", f"127.0.0.1:{names}"],
        ["pebble-challtestsrv", "-management", f"127.0.0.1:{management}", "-dns01", f"127.0.0.1:{names}",
         "-http01", "", "-https01", "", "-tlsalpn01", ""],
    )  # fmt: skip
    # No idle waits, nothing refused by chance, every name proved anew: the same on every run.
    chance = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    environment = {**os.environ, **chance}
    processes = [subprocess.Popen(command, stdout=log, stderr=log, env=environment) for command in commands]
    try:
        for port in (listen, management):
            end = time.monotonic() + 60
            while time.monotonic() < end:
                try:
                    socket.create_connection(("127.0.0.1", port), 5).close()
                    break
                except OSError:
                    time.sleep(0.1)
        yield Pebble(f"https://127.0.0.1:{listen}/dir", str(tls.file), f"http://127.0.0.1:{management}")
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)


class CloudflareWithPebble(VendorServer):
    """Cloudflare's answers, made true in the name server that Pebble asks."""

    pebble: Pebble

    def next_answer(self) -> tuple[int, str, dict[str, str]]:
        asked = self.asked[-1]
        result: Any = {"id": "pr00f"}
        if asked.line.startswith("GET /zones?"):
            result = [{"id": "z0ne", "status": "active"}]
        elif asked.line == "POST /zones/z0ne/dns_records":
            self.pebble.set_text(asked.json["name"], asked.json["content"].strip('"'))
        elif asked.line == "DELETE /zones/z0ne/dns_records/pr00f":
            self.pebble.clear_text("_acme-challenge.home.example.com")
        return 200, json.dumps({"success": True, "result": result}), {}


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with authority_running(tmp_path_factory.mktemp("pebble")) as running:
        yield running


@pytest.fixture
def cloudflare(pebble: Pebble) -> Iterator[CloudflareWithPebble]:
    server = CloudflareWithPebble()
    server.pebble = pebble
    yield server
    server.stop()
