"""A certificate with its key: read from PEM, PKCS#12 or JKS, checked whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from app.settings import jks

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

LARGEST = 512 * 1024  # octets of an uploaded file
SHORTEST_RSA = 2048  # bits (NIST SP 800-131A)
_JCEKS = bytes.fromhex("cececece")


class Unusable(ValueError):
    """A file cannot serve as certificate and key; the text is a sentence without its content."""


@dataclass(frozen=True)
class KeyPair:
    """chain: the key's own certificate first, then those that vouch for it."""

    key: Key = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The host names and addresses it is for."""
        try:
            found = self.chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return ()
        addresses = map(str, found.get_values_for_type(x509.IPAddress))
        return (*found.get_values_for_type(x509.DNSName), *addresses)

    @property
    def begins(self) -> datetime:
        return self.chain[0].not_valid_before_utc

    @property
    def ends(self) -> datetime:
        return self.chain[0].not_valid_after_utc

    @property
    def self_signed(self) -> bool:
        return self.chain[0].issuer == self.chain[0].subject

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers show it."""
        return self.chain[0].fingerprint(hashes.SHA256()).hex(":").upper()

    def due(self, now: datetime) -> bool:
        """Whether it should be renewed: a third of its life is left, or less."""
        return now >= self.ends - (self.ends - self.begins) / 3

    def chain_pem(self) -> bytes:
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in self.chain)

    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def read(octets: bytes, password: str = "", now: datetime | None = None) -> KeyPair:
    """Certificate and key out of one file, whatever of the three kinds it is. Raises Unusable.

    now: with it an ended certificate is refused; one that is yet to begin is not, clocks differ.
    """
    if len(octets) > LARGEST:
        raise Unusable(f"the file has more than {LARGEST // 1024} KiB: it is no certificate")
    if octets.startswith(jks.MAGIC):
        key, certificates = _from_jks(octets, password)
    elif octets.startswith(_JCEKS):
        raise Unusable("the file is a JCEKS store: convert it to PKCS#12 with keytool")
    elif b"-----BEGIN " in octets:
        key, certificates = _from_pem(octets, password)
    else:
        key, certificates = _from_pkcs12(octets, password)
    return checked(key, certificates, now)


def read_pem(certificate: bytes, key: bytes, password: str = "", now: datetime | None = None) -> KeyPair:
    """Certificate and key out of two files in PEM. Raises Unusable."""
    return read(certificate + b"\n" + key, password, now)


def checked(key: object, certificates: Sequence[x509.Certificate], now: datetime | None = None) -> KeyPair:
    """Key and certificates that belong together, in order. Raises Unusable."""
    if not isinstance(key, Key):
        raise Unusable("the key is of a kind no browser knows: RSA, EC or Ed25519 are")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SHORTEST_RSA:
        raise Unusable(f"the RSA key has {key.key_size} bits; {SHORTEST_RSA} are the least")
    public = _public(key)
    own = next((one for one in certificates if _public(one) == public), None)
    if own is None:
        raise Unusable("no certificate in the file belongs to its key" if certificates else NO_CERTIFICATE)
    pair = KeyPair(key, _ordered(own, certificates))
    if now is not None and pair.ends <= now:
        raise Unusable(f"the certificate ended on {pair.ends:%Y-%m-%d}")
    return pair


NO_CERTIFICATE = "the file holds no certificate"
NO_KEY = "the file holds no private key"


def _from_pem(octets: bytes, password: str) -> tuple[object, Sequence[x509.Certificate]]:
    try:
        certificates = x509.load_pem_x509_certificates(octets) if b"BEGIN CERTIFICATE" in octets else []
    except ValueError:
        raise Unusable("a certificate in the file cannot be read: it is damaged") from None
    block = _key_block(octets)
    if block is None:
        raise Unusable(NO_KEY)
    hidden = b"ENCRYPTED" in block
    if hidden and not password:
        raise Unusable("the key is protected: give its password")
    try:
        key = serialization.load_pem_private_key(block, password.encode() if hidden else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        what = "its password is wrong, or it is damaged" if hidden else "it is damaged"
        raise Unusable(f"the key in the file cannot be read: {what}") from None
    return key, certificates


def _key_block(octets: bytes) -> bytes | None:
    for block in octets.split(b"-----BEGIN ")[1:]:
        kind, dashes, _ = block.partition(b"-----")
        if dashes and kind.endswith(b"PRIVATE KEY"):
            end = b"-----END " + kind + b"-----"
            return b"-----BEGIN " + block.partition(end)[0] + end + b"\n"
    return None


def _from_pkcs12(octets: bytes, password: str) -> tuple[object, Sequence[x509.Certificate]]:
    try:
        key, own, others = pkcs12.load_key_and_certificates(octets, password.encode() if password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if "password" in str(error).lower() or "mac" in str(error).lower():
            raise Unusable("the password does not open the PKCS#12 file") from None
        raise Unusable("the file is neither PEM nor PKCS#12 nor JKS, or it is damaged") from None
    if key is None:
        raise Unusable(NO_KEY)
    return key, [*([own] if own else []), *others]


def _from_jks(octets: bytes, password: str) -> tuple[object, Sequence[x509.Certificate]]:
    try:
        entries = jks.read(octets, password)
    except (jks.WrongPassword, jks.Malformed) as error:
        raise Unusable(str(error)) from None
    if not entries:
        raise Unusable(NO_KEY)
    try:
        key = serialization.load_der_private_key(entries[0].key, None)
        return key, [x509.load_der_x509_certificate(one) for one in entries[0].chain]
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("the key store cannot be read: it is damaged") from None


def _ordered(own: x509.Certificate, others: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """From a certificate upwards; what does not vouch for it stays out, and so does the root."""
    chain = [own]
    while chain[-1].issuer != chain[-1].subject:
        above = next((one for one in others if one.subject == chain[-1].issuer and one not in chain), None)
        if above is None or above.issuer == above.subject:
            break
        chain.append(above)
    return tuple(chain)


def _public(whose: Key | x509.Certificate) -> bytes:
    return whose.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def utc(unix: float) -> datetime:
    """Unix seconds as ``due`` and ``read`` take them."""
    return datetime.fromtimestamp(unix, UTC)
