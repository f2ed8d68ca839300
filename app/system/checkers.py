"""Asks each daemon whether it would take a file, before it has to; the answer is a sentence, "" for yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol


class Run(Protocol):
    """Runs a command of the system; gives its exit status and what it said.

    until: words at which the program has said enough and is stopped, with status 0.
    """

    def __call__(self, words: Sequence[str], until: str = "") -> tuple[int, str]: ...


Check = Callable[[Path, Run], str]

NOT_INSTALLED = 127
OVERDUE = 124  # timeout(1)


def nobody(path: Path, run: Run) -> str:
    """For files whose content cannot be wrong, and that nobody checks."""
    return ""


def dhcpd(path: Path, run: Run) -> str:
    """ISC dhcpd's own test."""
    status, said = run(["dhcpd", "-4", "-t", "-cf", str(path), "-lf", "/dev/null"])  # -q: not a word why
    faults = [line.removeprefix(f"{path} ") for line in said.splitlines() if line.startswith(f"{path} ")]
    return _verdict("dhcpd", status, "; ".join(faults) or said)


def dnsmasq(path: Path, run: Run) -> str:
    """dnsmasq's own test."""
    status, said = run(["dnsmasq", "--test", f"--conf-file={path}"])
    return _verdict("dnsmasq", status, said)


def nft(path: Path, run: Run) -> str:
    """nft, asked to do everything but the last step."""
    status, said = run(["nft", "--check", "--file", str(path)])
    return _verdict("nft", status, said)


def hostapd(path: Path, run: Run) -> str:
    """hostapd has no test of its own: it gets the file without a radio, and is stopped once it took it."""
    text = path.read_text("utf-8")
    path.write_text(text.replace("\ndriver=nl80211\n", "\ndriver=none\n"), "utf-8")
    # With the file it makes the interface, and says which state that goes to; what follows is the radio's.
    status, said = run(["timeout", "10", "hostapd", str(path)], until="interface state UNINITIALIZED->")
    if status == NOT_INSTALLED or "No such file" in said:
        return "hostapd is not installed"
    if status == OVERDUE:
        return "hostapd did not say within 10 s whether it takes the settings"
    faults = [line for line in said.splitlines() if line.startswith("Line ") or "errors found" in line]
    return _verdict("hostapd", status, "; ".join(faults)[:300] or said)


def _verdict(daemon: str, status: int, said: str) -> str:
    if status == NOT_INSTALLED:
        return f"{daemon} is not installed"
    return f"{daemon} would not take the settings: {said[-300:]}" if status else ""
