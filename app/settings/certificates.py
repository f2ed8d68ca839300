"""What a keystore holds, whichever of the three forms it has: PEM, PKCS#12 or JKS."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.settings import jks

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    #: A chain, its own certificate first, and the private key; of which kind, its own methods know.
    Found = tuple[list[Certificate], Any]


class Unreadable(ValueError):
    """The text is a sentence without secrets."""


@dataclass(frozen=True)
class Pem:
    """A certificate with its chain, its own first, and its key, unencrypted, all in PEM."""

    chain: bytes
    key: bytes
    subject: str
    ends: float  # Unix seconds


def opened(certificate: str, key: str = "", password: str = "") -> Pem:
    """Read a keystore; raises Unreadable when it cannot be, or its parts do not belong together."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    secret = password.encode() or None
    if "-----BEGIN" in certificate:
        chain, private = _from_pem(certificate, key or certificate, secret)
    else:
        container = _decoded(certificate)
        if container[:4] == jks.MAGIC:
            chain, private = _from_jks(container, password)
        else:
            chain, private = _from_pkcs12(container, secret)
    leaf = chain[0]
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if leaf.public_key().public_bytes(*spki) != private.public_key().public_bytes(*spki):
        raise Unreadable("certificate and key do not belong together")
    names = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return Pem(
        chain=b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        subject=str(names[0].value) if names else leaf.subject.rfc4514_string(),
        ends=leaf.not_valid_after_utc.timestamp(),
    )


def _from_pem(certificate: str, key: str, password: bytes | None) -> Found:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError as error:
        raise Unreadable("there is no certificate in PEM that can be read") from error
    text = key[key.find("-----BEGIN") :]
    if "PRIVATE KEY-----" not in text:
        raise Unreadable("the key is missing")
    # A file may hold certificates too: the key's own lines are wanted.
    begin = text.rfind("-----BEGIN", 0, text.index("PRIVATE KEY-----"))
    block = text[begin:].encode()
    if password is not None and b"ENCRYPTED" not in block[:120]:
        password = None
    try:
        return chain, load_pem_private_key(block, password)
    except (ValueError, TypeError) as error:
        raise Unreadable("the key cannot be read: is the password right?") from error


def _from_pkcs12(container: bytes, password: bytes | None) -> Found:
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        key, leaf, further = pkcs12.load_key_and_certificates(container, password)
    except ValueError as error:
        raise Unreadable("this is no PEM, PKCS#12 or JKS file, or its password is wrong") from error
    if key is None or leaf is None:
        raise Unreadable("the PKCS#12 file lacks a certificate or its key")
    return [leaf, *further], key


def _from_jks(container: bytes, password: str) -> Found:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        entry = jks.first_key(container, password)
        chain = [x509.load_der_x509_certificate(one) for one in entry.chain]
        return chain, load_der_private_key(entry.key, None)
    except jks.Broken as error:
        raise Unreadable(f"the JKS file cannot be used: {error}") from error
    except (ValueError, IndexError) as error:
        raise Unreadable("the JKS file holds no certificate that can be read") from error


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("this is neither PEM nor a file in base64") from error
