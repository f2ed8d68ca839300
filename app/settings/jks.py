"""Reads key and certificates out of a Java key store of the old kind (JKS), as existing devices have them.

The format is that of the JDK's ``sun.security.provider.JavaKeyStore`` and ``KeyProtector``: a list of entries
and a keyed SHA-1 over all of it; keys are hidden by a SHA-1 key stream. Weak by today's measure, which is why
nothing is ever written in it. Newer key stores (Java 9 and later) are PKCS#12, whatever their name.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

MAGIC = bytes.fromhex("feedfeed")
_PRIVATE_KEY, _TRUSTED = 1, 2
_HASH = 20  # octets of SHA-1
# 1.3.6.1.4.1.42.2.17.1.1, Sun's key protector.
_PROTECTOR = bytes.fromhex("060a2b060104012a02110101")


class WrongPassword(ValueError):
    pass


class Malformed(ValueError):
    pass


@dataclass(frozen=True)
class Entry:
    """A private key as PKCS#8 in DER, and its certificates in DER, its own first."""

    alias: str
    key: bytes
    chain: tuple[bytes, ...]


def read(octets: bytes, password: str) -> list[Entry]:
    """The private keys of a store. Raises WrongPassword or Malformed."""
    secret = password.encode("utf-16-be")
    body, seal = octets[:-_HASH], octets[-_HASH:]
    expected = hashlib.sha1(secret + b"Mighty Aphrodite" + body).digest()
    if not hmac.compare_digest(expected, seal):
        raise WrongPassword("the password does not open the key store, or the file is damaged")
    reader = _Reader(body)
    if reader.take(4) != MAGIC:
        raise Malformed("the file is no Java key store")
    version = reader.number(4)
    if version not in (1, 2):
        raise Malformed(f"the Java key store has the unknown version {version}")
    entries = []
    for _ in range(reader.number(4)):
        tag = reader.number(4)
        alias = reader.text()
        reader.take(8)  # when it was made
        if tag == _TRUSTED:
            reader.certificate(version)
            continue
        if tag != _PRIVATE_KEY:
            raise Malformed("the Java key store holds an entry of an unknown kind")
        hidden = reader.take(reader.number(4))
        chain = tuple(reader.certificate(version) for _ in range(reader.number(4)))
        entries.append(Entry(alias, _uncovered(hidden, secret), chain))
    return entries


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._octets):
            raise Malformed("the Java key store ends too early")
        piece = self._octets[self._at : self._at + count]
        self._at += count
        return piece

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def text(self) -> str:
        return self.take(self.number(2)).decode("utf-8", "replace")

    def certificate(self, version: int) -> bytes:
        if version == 2:
            self.text()  # its kind: always X.509
        return self.take(self.number(4))


def _uncovered(hidden: bytes, secret: bytes) -> bytes:
    """The PKCS#8 of an EncryptedPrivateKeyInfo whose algorithm is Sun's key protector."""
    _, inside, rest = _element(hidden, 0x30)
    _, algorithm, after = _element(inside, 0x30)
    if rest or not algorithm.startswith(_PROTECTOR):
        raise Malformed("the key is hidden by an unknown method: convert the store to PKCS#12 with keytool")
    _, covered, _ = _element(after, 0x04)
    if len(covered) < 2 * _HASH:
        raise Malformed("the hidden key is too short")
    block, cover, seal = covered[:_HASH], covered[_HASH:-_HASH], covered[-_HASH:]
    stream = b""
    while len(stream) < len(cover):
        block = hashlib.sha1(secret + block).digest()
        stream += block
    key = bytes(one ^ other for one, other in zip(cover, stream, strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + key).digest(), seal):
        raise WrongPassword("the password opens the key store but not its key")
    return key


def _element(octets: bytes, tag: int) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows of one DER element (ITU-T X.690 §8.1)."""
    if len(octets) < 2 or octets[0] != tag:
        raise Malformed("the hidden key is not what was expected")
    length, at = octets[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(octets[2 : 2 + count], "big"), 2 + count
    if at + length > len(octets):
        raise Malformed("the hidden key ends too early")
    return tag, octets[at : at + length], octets[at + length :]
