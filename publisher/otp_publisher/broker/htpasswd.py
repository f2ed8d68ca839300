"""Apache's password files: bcrypt, apr1, SHA and the SHA-crypts `$5$` and `$6$`.

Formats: https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import bcrypt
from passlib.hash import apr_md5_crypt, sha256_crypt, sha512_crypt

_BCRYPT_BYTES = 72
"""bcrypt has never looked further; newer libraries raise instead of cutting."""


@dataclass(frozen=True)
class Passwords:
    """User → hash, and the numbers of the lines that are of no use."""

    hashes: Mapping[str, str] = field(repr=False)
    bad_lines: tuple[int, ...] = ()


def parse(text: str) -> Passwords:
    """Read `user:hash` lines; a later line for the same user wins. Plain text and DES are refused."""
    hashes: dict[str, str] = {}
    bad: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        user, colon, stored = line.partition(":")
        if user and colon and _check_for(stored):
            hashes[user] = stored
        else:
            bad.append(number)
    return Passwords(hashes, tuple(bad))


def verify(stored: str, password: bytes) -> bool:
    """Whether the password belongs to the hash; slow on purpose, as slow as the hash was made."""
    check = _check_for(stored)
    try:
        return check is not None and check(stored, password)
    except ValueError:
        # A NUL in the password, or a hash that only began like one.
        return False


def _bcrypt(stored: str, password: bytes) -> bool:
    return bcrypt.checkpw(password[:_BCRYPT_BYTES], stored.encode())


def _sha1(stored: str, password: bytes) -> bool:
    digest = base64.b64encode(hashlib.sha1(password).digest()).decode()
    return hmac.compare_digest(stored.removeprefix("{SHA}"), digest)


def _apr1(stored: str, password: bytes) -> bool:
    return bool(apr_md5_crypt.verify(password, stored))


def _sha256(stored: str, password: bytes) -> bool:
    return bool(sha256_crypt.verify(password, stored))


def _sha512(stored: str, password: bytes) -> bool:
    return bool(sha512_crypt.verify(password, stored))


_SIGN = "[./0-9A-Za-z]"
_ROUNDS = r"(?:rounds=\d{4,9}\$)?"
_CHECKS: tuple[tuple[re.Pattern[str], Callable[[str, bytes], bool]], ...] = (
    (re.compile(rf"\$2[aby]\$\d\d\${_SIGN}{{53}}"), _bcrypt),
    (re.compile(rf"\$apr1\${_SIGN}{{0,8}}\${_SIGN}{{22}}"), _apr1),
    (re.compile(r"\{SHA\}[+/0-9A-Za-z]{27}="), _sha1),
    (re.compile(rf"\$5\${_ROUNDS}{_SIGN}{{0,16}}\${_SIGN}{{43}}"), _sha256),
    (re.compile(rf"\$6\${_ROUNDS}{_SIGN}{{0,16}}\${_SIGN}{{86}}"), _sha512),
)


def _check_for(stored: str) -> Callable[[str, bytes], bool] | None:
    return next((check for pattern, check in _CHECKS if pattern.fullmatch(stored)), None)
