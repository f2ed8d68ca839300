"""Java's own keystore, as the earlier system kept its certificates: the first private key and its chain.

The form is that of sun.security.provider.JavaKeyStore and KeyProtector in OpenJDK's sources, which is its
only description: big-endian counts, modified UTF-8, a SHA-1 over password and content at the end, and keys
hidden by a stream of chained SHA-1 digests.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

MAGIC = b"\xfe\xed\xfe\xed"
_SALT = 20
_DIGEST = 20
_KEY, _TRUSTED = 1, 2


class Broken(ValueError):
    """The text is a predicate-free sentence part: why the file cannot be used."""


@dataclass(frozen=True)
class KeyEntry:
    """A private key (PKCS#8, DER) and its certificates (X.509, DER), its own first."""

    key: bytes
    chain: tuple[bytes, ...]


def first_key(container: bytes, password: str) -> KeyEntry:
    """The first private key in a store whose key has the store's own password, as keytool makes it.

    Raises Broken.
    """
    secret = password.encode("utf-16-be")
    body, digest = container[:-_DIGEST], container[-_DIGEST:]
    salt = b"Mighty Aphrodite"
    if not hmac.compare_digest(hashlib.sha1(secret + salt + body).digest(), digest):
        raise Broken("its password is wrong, or it is damaged")
    reader = _Reader(body)
    if reader.take(4) != MAGIC:
        raise Broken("it does not begin as one")
    version = reader.number()
    if version not in (1, 2):
        raise Broken(f"its version {version} is not known")
    for _ in range(min(reader.number(), 1000)):
        tag = reader.number()
        reader.text()
        reader.take(8)  # when it was put in
        if tag == _KEY:
            hidden = reader.block()
            chain = tuple(_certificate(reader, version) for _ in range(min(reader.number(), 20)))
            return KeyEntry(_shown(_octets_of(hidden), secret), chain)
        if tag != _TRUSTED:
            raise Broken("it holds an entry of an unknown kind")
        _certificate(reader, version)
    raise Broken("there is no private key in it")


def _certificate(reader: _Reader, version: int) -> bytes:
    if version == 2 and reader.text() != b"X.509":
        raise Broken("it holds a certificate that is no X.509")
    return reader.block()


def _octets_of(encrypted: bytes) -> bytes:
    """The OCTET STRING of PKCS#8's EncryptedPrivateKeyInfo (RFC 5208 §6): SEQUENCE { algorithm, octets }."""
    inner = _element(encrypted, 0, 0x30)[0]
    algorithm, after = _element(inner, 0, 0x30)
    if b"\x2b\x06\x01\x04\x01\x2a\x02\x11\x01\x01" not in algorithm:  # 1.3.6.1.4.1.42.2.17.1.1
        raise Broken("its key is hidden in a way that is not known")
    return _element(inner, after, 0x04)[0]


def _element(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """Content of the DER element at `at`, and where the next one begins."""
    if data[at : at + 1] != bytes([tag]) or at + 1 >= len(data):
        raise Broken("its key is damaged")
    length, at = data[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        length, at = int.from_bytes(data[at : at + octets], "big"), at + octets
    if at + length > len(data):
        raise Broken("its key is damaged")
    return data[at : at + length], at + length


def _shown(hidden: bytes, secret: bytes) -> bytes:
    digest, stream = hidden[:_SALT], b""
    covered, check = hidden[_SALT:-_DIGEST], hidden[-_DIGEST:]
    while len(stream) < len(covered):
        digest = hashlib.sha1(secret + digest).digest()
        stream += digest
    key = bytes(one ^ other for one, other in zip(covered, stream, strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + key).digest(), check):
        raise Broken("its key has another password than the file")
    return key


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise Broken("it ends too early")
        self._at += count
        return found

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def text(self) -> bytes:
        return self.take(int(struct.unpack(">H", self.take(2))[0]))

    def block(self) -> bytes:
        return self.take(self.number())
