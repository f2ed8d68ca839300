"""Certificates as people upload them: PEM, PKCS#12 and Java key stores, whole or refused with a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from app.settings.keypair import Key, KeyPair, Unusable, read, read_pem

FILES = Path(__file__).parent / "keyfiles"
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def issued(subject: str, issuer: str, key: Key, signer: Key, days: int = 90) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(signer, hashes.SHA256())
    )


ROOT_KEY, MIDDLE_KEY, OWN_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
ROOT = issued("root", "root", ROOT_KEY, ROOT_KEY)
MIDDLE = issued("middle", "root", MIDDLE_KEY, ROOT_KEY)
OWN = issued("otp.example.com", "middle", OWN_KEY, MIDDLE_KEY)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def key_pem(key: Key, password: str = "", old: bool = False) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL if old else serialization.PrivateFormat.PKCS8
    hiding = (
        serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, form, hiding)


def refused(octets: bytes, password: str = "", now: datetime | None = None) -> str:
    with pytest.raises(Unusable) as caught:
        read(octets, password, now)
    return str(caught.value)


# Java key stores, made with the JDK's keytool


def test_a_java_key_store() -> None:
    pair = read((FILES / "rsa.jks").read_bytes(), "rahasia1", NOW)
    # As keytool -list shows it.
    assert pair.fingerprint == (
        "C5:15:B2:47:3D:7E:DE:DA:0B:A6:77:62:B9:C5:86:AD:66:DD:3B:A2:B1:82:12:B8:E9:51:7D:C4:4E:38:46:13"
    )
    assert pair.names == ("otp.example.com", "192.168.0.11")
    assert isinstance(pair.key, rsa.RSAPrivateKey)


def test_a_wrong_password_of_the_store() -> None:
    assert refused((FILES / "rsa.jks").read_bytes(), "wrong") == (
        "the password does not open the key store, or the file is damaged"
    )


def test_a_key_with_a_password_of_its_own() -> None:
    assert refused((FILES / "ec-other-key-password.jks").read_bytes(), "rahasia1") == (
        "the password opens the key store but not its key"
    )


def test_a_store_without_a_key() -> None:
    assert refused((FILES / "trusted-only.jks").read_bytes(), "rahasia1") == "the file holds no private key"


def test_a_store_of_another_kind() -> None:
    assert refused((FILES / "store.jceks").read_bytes(), "rahasia1") == (
        "the file is a JCEKS store: convert it to PKCS#12 with keytool"
    )


@pytest.mark.parametrize("cut", [5, 12, 40, 400, 2000])
def test_a_store_that_was_cut_off(cut: int) -> None:
    octets = (FILES / "rsa.jks").read_bytes()[:cut]
    assert "damaged" in refused(octets, "rahasia1")


def test_a_new_key_store_of_java_is_pkcs12() -> None:
    pair = read((FILES / "keytool.p12").read_bytes(), "rahasia1", NOW)
    assert pair.fingerprint.startswith("51:29:1D:8A:33:D8:FA:48:17:2D:CF:0D:85:07:0D:23")


# PKCS#12


def p12(password: str, key: Key | None = OWN_KEY) -> bytes:
    hiding = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"otp", key, OWN if key else None, [MIDDLE, ROOT], hiding)  # type: ignore[arg-type]


def test_pkcs12_with_its_chain() -> None:
    pair = read(p12("rahasia"), "rahasia")
    assert pair.chain == (OWN, MIDDLE), "the root is not sent: browsers have it"


def test_pkcs12_with_a_wrong_password() -> None:
    assert refused(p12("rahasia"), "wrong") == "the password does not open the PKCS#12 file"


def test_pkcs12_without_a_key() -> None:
    assert refused(p12("rahasia", None), "rahasia") == "the file holds no private key"


def test_a_file_that_is_none_of_the_three() -> None:
    sentence = "the file is neither PEM nor PKCS#12 nor JKS, or it is damaged"
    assert refused(b"") == sentence
    assert refused(b"hello") == sentence
    assert refused(b"\x30\x82\xff\xff" + b"x" * 100) == sentence


def test_a_file_that_is_too_large() -> None:
    assert refused(b"x" * 600_000) == "the file has more than 512 KiB: it is no certificate"


# PEM


def test_pem_in_any_order_gives_the_chain_in_the_right_one() -> None:
    for parts in ((pem(OWN, MIDDLE), key_pem(OWN_KEY)), (key_pem(OWN_KEY), pem(ROOT, MIDDLE, OWN))):
        assert read(b"".join(parts), now=NOW).chain == (OWN, MIDDLE)


def test_pem_in_two_files() -> None:
    assert read_pem(pem(OWN), key_pem(OWN_KEY, old=True)).chain == (OWN,)


def test_pem_with_words_around_it() -> None:
    octets = b"Bag Attributes\n  friendlyName: otp\n" + key_pem(OWN_KEY) + b"subject=x\n" + pem(OWN)
    assert read(octets).chain == (OWN,)


def test_a_protected_key() -> None:
    octets = pem(OWN) + key_pem(OWN_KEY, "rahasia")
    assert read(octets, "rahasia").chain == (OWN,)
    assert refused(octets) == "the key is protected: give its password"
    assert refused(octets, "wrong") == (
        "the key in the file cannot be read: its password is wrong, or it is damaged"
    )


def test_what_is_missing_is_told() -> None:
    assert refused(pem(OWN)) == "the file holds no private key"
    assert refused(key_pem(OWN_KEY)) == "the file holds no certificate"
    assert refused(pem(MIDDLE) + key_pem(OWN_KEY)) == "no certificate in the file belongs to its key"


def test_a_damaged_certificate_or_key() -> None:
    broken = pem(OWN).replace(b"MII", b"MIJ", 1)
    assert "damaged" in refused(broken + key_pem(OWN_KEY))
    assert "damaged" in refused(pem(OWN) + key_pem(OWN_KEY)[:120] + b"\n-----END PRIVATE KEY-----\n")


def test_a_certificate_that_has_ended() -> None:
    octets = pem(OWN) + key_pem(OWN_KEY)
    assert refused(octets, now=NOW + timedelta(days=90)) == "the certificate ended on 2027-02-18"
    assert read(octets).ends == NOW + timedelta(days=90)


def test_an_rsa_key_that_is_too_short() -> None:
    key = rsa.generate_private_key(65537, 1024)
    octets = pem(issued("otp", "otp", key, key)) + key_pem(key)
    assert refused(octets) == "the RSA key has 1024 bits; 2048 are the least"


# What is made of it


def test_it_is_due_when_a_third_of_its_life_is_left() -> None:
    pair = KeyPair(OWN_KEY, (issued("x", "x", OWN_KEY, OWN_KEY, days=89),))
    assert not pair.due(NOW + timedelta(days=58, hours=23))
    assert pair.due(NOW + timedelta(days=59))


def test_the_key_is_not_shown_by_accident() -> None:
    assert "key=" not in repr(KeyPair(OWN_KEY, (OWN,)))
