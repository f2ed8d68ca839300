"""Codes the publisher makes and checks itself (`manage_otp`): only a keyed hash of each lies on disk."""

import contextlib
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .files import TEMPORARY, create_private, locked, sync_directory, write_private
from .result import DUPLICATED, EXPIRED, INVALID_OTP

_OWN_FILE = re.compile(r"otp-[0-9a-f]{64}\.json")
_OWN_TEMPORARY = re.compile(re.escape(TEMPORARY).replace(r"\{\}", "[0-9a-f]{16}"))
_KEY_BYTES = 32
_SWEEP_EVERY = 30.0
_LEFT_BEHIND = 3600.0


class Refused(Exception):
    """Not issued, or not verified: response code, slug and a sentence."""

    def __init__(self, code: str, reason: str, error: str) -> None:
        super().__init__(error)
        self.code, self.reason, self.error = code, reason, error


@dataclass(frozen=True)
class Rules:
    """Digits of a code, wrong tries it bears, seconds an expired one is kept and still answered 1203."""

    digits: int = 6
    tries: int = 5
    keep: int = 300
    country_code: str = "62"


@dataclass(frozen=True)
class _Record:
    hash: str
    expiration: float
    tries: int

    @classmethod
    def read(cls, path: Path) -> "_Record | None":
        """None for no file, and for one that is torn or not ours. OSError: it may be there and alive."""
        try:
            fields = json.loads(path.read_bytes())
            return cls(str(fields["hash"]), float(fields["expiration"]), int(fields["tries"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        fields = {"hash": self.hash, "expiration": self.expiration, "tries": self.tries}
        write_private(path, json.dumps(fields).encode())


class CodeBook:
    """References and their codes in one directory, shared by every process that uses it.

    Each reference is one file named after a keyed hash of it. The key is made once per installation and
    lies in `secret_file`; whoever can read both can try all codes, so keep that file elsewhere if you can.
    """

    def __init__(
        self,
        directory: Path,
        secret_file: Path | None = None,
        rules: Rules | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._rules = rules or Rules()
        self._wall = wall
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = _installation_key(secret_file or directory / "installation.key")
        self._swept = float("-inf")

    def issue(self, reference: str, receiver: str, params: Sequence[str], expiration: float) -> str:
        """A new code for the reference; Refused while an unexpired one holds it."""
        now = self._wall()
        if expiration <= now:
            raise Refused(EXPIRED, "expired", "the lifetime is over before the code was made")
        self.sweep()
        code = "".join(secrets.choice("0123456789") for _ in range(self._rules.digits))
        path = self._path(reference)
        with self._locked():
            held = _Record.read(path)
            if held and held.expiration > now:
                raise Refused(DUPLICATED, "duplicated", "this reference is still alive")
            _Record(self._hash(reference, receiver, params, code), expiration, 0).write(path)
        return code

    def verify(self, reference: str, receiver: str, params: Sequence[str], code: str) -> None:
        """Returns once for the right code, then never again; Refused says why not."""
        path = self._path(reference)
        offered = self._hash(reference, receiver, params, code)
        with self._locked():
            held = _Record.read(path)
            if held is None:
                raise Refused(
                    INVALID_OTP, "invalid_otp", "no code was made for this reference, or it was used"
                )
            if held.expiration <= self._wall():
                raise Refused(EXPIRED, "expired", "the code has expired")
            if held.tries >= self._rules.tries:
                raise Refused(INVALID_OTP, "locked", "there were too many wrong tries for this reference")
            if not hmac.compare_digest(held.hash, offered):
                _Record(held.hash, held.expiration, held.tries + 1).write(path)
                raise Refused(INVALID_OTP, "invalid_otp", "the code or a parameter is wrong")
            path.unlink()
            sync_directory(self._directory)

    def forget(self, reference: str) -> None:
        """Make the reference free again: its message certainly did not go out."""
        with self._locked():
            self._path(reference).unlink(missing_ok=True)

    def sweep(self, force: bool = False) -> int:
        """Remove what expired more than `keep` seconds ago; touches nothing this class did not write."""
        now = self._wall()
        if not force and abs(now - self._swept) < _SWEEP_EVERY:
            return 0
        self._swept = now
        removed = 0
        with self._locked():
            for path in self._directory.iterdir():
                if self._is_stale(path, now):
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _is_stale(self, path: Path, now: float) -> bool:
        with contextlib.suppress(OSError):
            if _OWN_FILE.fullmatch(path.name):
                held = _Record.read(path)
                return held is not None and held.expiration + self._rules.keep <= now
            if _OWN_TEMPORARY.fullmatch(path.name):
                # Left by a process that died while writing; a living one needs milliseconds.
                return path.stat().st_mtime + _LEFT_BEHIND <= now
        return False

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return locked(self._directory / "otp-publisher.lock")

    def _path(self, reference: str) -> Path:
        name = hmac.new(self._key, b"name\0" + reference.strip().encode(), hashlib.sha256).hexdigest()
        return self._directory / f"otp-{name}.json"

    def _hash(self, reference: str, receiver: str, params: Sequence[str], code: str) -> str:
        padded = [*params, "", "", "", ""][:4]
        receiver = same_receiver(receiver, self._rules.country_code)
        # A JSON array keeps the fields apart, whatever they hold.
        bound = json.dumps(
            [self._rules.digits, reference.strip(), receiver, *map(str.strip, padded), code.strip()]
        )
        return hmac.new(self._key, b"code\0" + bound.encode(), hashlib.sha256).hexdigest()


def same_receiver(receiver: str, country_code: str) -> str:
    """One spelling for `+62812…`, `0812…` and `62 812-…`; addresses with `@` keep theirs."""
    receiver = receiver.strip()
    if "@" in receiver:
        return receiver
    number = re.sub(r"[\s\-.()]", "", receiver).removeprefix("+")
    return country_code + number[1:] if number.startswith("0") else number


def _installation_key(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        create_private(path, secrets.token_bytes(_KEY_BYTES))
    key = path.read_bytes()
    if len(key) < _KEY_BYTES:
        raise ValueError(
            f"{path} holds {len(key)} bytes; a key has {_KEY_BYTES}. Remove it to have a new one made"
        )
    return key
