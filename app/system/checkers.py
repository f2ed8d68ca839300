"""Asks each daemon whether it would take a file, before it has to; the answer is a sentence, "" for yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

Run = Callable[[Sequence[str]], tuple[int, str]]
Check = Callable[[Path, Run], str]

NOT_INSTALLED = 127


def nobody(path: Path, run: Run) -> str:
    """For files whose content cannot be wrong, and that nobody checks."""
    return ""


def dhcpd(path: Path, run: Run) -> str:
    """ISC dhcpd's own test."""
    status, said = run(["dhcpd", "-4", "-t", "-q", "-cf", str(path), "-lf", "/dev/null"])
    return _verdict("dhcpd", status, said)


def dnsmasq(path: Path, run: Run) -> str:
    """dnsmasq's own test."""
    status, said = run(["dnsmasq", "--test", f"--conf-file={path}"])
    return _verdict("dnsmasq", status, said)


def nft(path: Path, run: Run) -> str:
    """nft, asked to do everything but the last step."""
    status, said = run(["nft", "--check", "--file", str(path)])
    return _verdict("nft", status, said)


def hostapd(path: Path, run: Run) -> str:
    """hostapd has no test of its own: it is given the file with no radio, and stopped once it has read it."""
    text = path.read_text("utf-8")
    path.write_text(text.replace("\ndriver=nl80211\n", "\ndriver=none\n"), "utf-8")
    status, said = run(["timeout", "--preserve-status", "0.5", "hostapd", str(path)])
    if status == NOT_INSTALLED or "No such file" in said:
        return "hostapd is not installed"
    faults = [line for line in said.splitlines() if line.startswith("Line ") or "errors found" in line]
    return f"hostapd would not take the settings: {'; '.join(faults)[:300]}" if faults else ""


def _verdict(daemon: str, status: int, said: str) -> str:
    if status == NOT_INSTALLED:
        return f"{daemon} is not installed"
    return f"{daemon} would not take the settings: {said[-300:]}" if status else ""
