"""A certificate authority of the tests' own, and a server's certificate that it signed."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    """Files in PEM; the keystore is PKCS#12 with the password changeit."""

    authority: Path
    server: Path
    key: Path
    keystore: Path

    @property
    def pem(self) -> str:
        return self.authority.read_text()


def make_certificates(folder: Path) -> Certificates:
    """For the host 127.0.0.1, valid for a day."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = datetime.datetime.now(datetime.UTC)

    def certificate(
        name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, authority: bool
    ) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
        )
        if authority:
            signs = [name in ("key_cert_sign", "crl_sign", "digital_signature") for name in _USES]
            made = made.add_extension(x509.KeyUsage(**dict(zip(_USES, signs, strict=True))), critical=True)
        else:
            address = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
            made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return made.sign(signer, hashes.SHA256())

    root = certificate("authority", authority_key, authority_key, True)
    leaf = certificate("broker", server_key, authority_key, False)
    files = Certificates(
        folder / "authority.pem", folder / "server.pem", folder / "key.pem", folder / "server.p12"
    )
    files.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    files.server.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    files.keystore.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"broker", server_key, leaf, [root], serialization.BestAvailableEncryption(b"changeit")
        )
    )
    return files


_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
