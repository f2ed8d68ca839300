"""Which certificate HTTPS is served with, asked of the whole service by real handshakes at both its doors."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from app.settings.ddns import Acme, Cloudflare, DdnsRecord, PublicAddress
from app.settings.keypair import KeyPair
from app.settings.keystore import Keystore
from app.settings.network import Wlan
from bench.rig import Gateway
from tests.ddns.pebble import ABLE, CloudflareWithPebble, Pebble
from tests.ddns.servers import answering
from tests.keypairs import signed_by_itself
from tests.wanting import unless

JKS = Path(__file__).parents[1] / "settings/keyfiles/rsa.jks"
NAME = "home.example.com"


def shaken(port: int) -> x509.Certificate | None:
    """The certificate that a listener shows; None while there is none."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 20) as plain,
            anybody.wrap_socket(plain, server_hostname=NAME) as connection,
        ):
            octets = connection.getpeercert(binary_form=True)
    except OSError:
        return None
    assert octets
    return x509.load_der_x509_certificate(octets)


def await_at_both_doors(
    service: Gateway, wanted: Callable[[x509.Certificate], bool], seconds: float = 60.0
) -> x509.Certificate:
    """Until the API and the pages show a certificate of that kind, the same one."""
    until = time.monotonic() + seconds
    while True:
        found = [shaken(port) for port in (service.https_port, service.admin_https_port)]
        if found[0] is not None and found[0] == found[1] and wanted(found[0]):
            return found[0]
        assert time.monotonic() < until, (found, service.tail())
        time.sleep(0.1)


def names(certificate: x509.Certificate) -> set[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


def its_own(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject and "otp-pi.local" in names(certificate)


@pytest.fixture
def service(gateway: Callable[..., Gateway]) -> Gateway:
    return gateway({}, log="INFO", admin=True, https=True)


def test_the_device_signs_one_itself_for_its_names_and_addresses(service: Gateway) -> None:
    service.start(ready=False)
    first = await_at_both_doors(service, its_own)
    assert {socket.gethostname(), "otp-pi.local", "otppi.lan", "192.168.0.11"} <= names(first)
    assert 365 < (first.not_valid_after_utc - datetime.now(UTC)).days <= 825
    service.stop()
    service.start(ready=False)
    assert await_at_both_doors(service, its_own) == first, "a restart makes no new one"
    service.store.save(Wlan, Wlan(ip_address="192.168.7.1", gateway=""))
    moved = await_at_both_doors(service, lambda one: "192.168.7.1" in names(one))
    assert its_own(moved)


def test_one_that_is_about_to_end_is_made_anew(service: Gateway) -> None:
    service.start(ready=False)
    await_at_both_doors(service, its_own)
    service.stop()
    wanted = [socket.gethostname(), "otp-pi.local", "otppi.lan", "192.168.0.11"]
    ending = signed_by_itself(wanted, datetime.now(UTC), days=29)
    label = f"Made by this device. Ends {int(ending.ends.timestamp())} for {' '.join(wanted)}\n"
    file = service.home / "tls" / "self-signed.pem"
    assert file.exists()
    file.write_bytes(label.encode() + ending.key_pem() + ending.chain_pem())
    service.start(ready=False)
    fresh = await_at_both_doors(service, its_own)
    assert (fresh.not_valid_after_utc - datetime.now(UTC)).days > 365


def in_pem(pair: KeyPair) -> dict[str, str]:
    return {"certificate": pair.chain_pem().decode(), "key": pair.key_pem().decode()}


def in_pkcs12(pair: KeyPair) -> dict[str, str]:
    hiding = serialization.BestAvailableEncryption(b"rahasia")
    octets = pkcs12.serialize_key_and_certificates(b"otp", pair.key, pair.chain[0], None, hiding)
    return {"certificate": base64.b64encode(octets).decode(), "password": "rahasia"}


@pytest.mark.parametrize("written", [in_pem, in_pkcs12])
def test_an_uploaded_certificate_is_served_and_taken_away_again(
    service: Gateway, written: Callable[[KeyPair], dict[str, str]]
) -> None:
    service.start(ready=False)
    own = await_at_both_doors(service, its_own)
    pair = signed_by_itself(["otp.example.org"], datetime.now(UTC))
    service.put(Keystore, "office", name="office", **written(pair))
    await_at_both_doors(service, lambda one: one == pair.chain[0])
    service.stop()
    service.start(ready=False)
    await_at_both_doors(service, lambda one: one == pair.chain[0])
    service.put(Keystore, "office", name="office", active=False, **written(pair))
    await_at_both_doors(service, lambda one: one == own)


def test_a_java_key_store_as_earlier_devices_have_it_is_served(service: Gateway) -> None:
    octets = base64.b64encode(JKS.read_bytes()).decode()
    service.put(Keystore, "office", name="office", certificate=octets, password="rahasia1")
    service.start(ready=False)
    found = await_at_both_doors(service, lambda one: not its_own(one))
    # As keytool -list shows it.
    assert found.fingerprint(hashes.SHA256()) == bytes.fromhex(
        "c515b2473d7ededa0ba67762b9c586ad66dd3ba2b18212b8e9517dc44e384613"
    )


@unless(ABLE, "needs pebble and pebble-challtestsrv")
def test_a_certificate_by_a_proof_in_the_dns_is_served_renewed_and_withdrawn(
    service: Gateway,
    pebble: Pebble,
    cloudflare: CloudflareWithPebble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", pebble.trust)  # of the authority's own HTTPS
    record = {"name": "home", "zone": "example.com", "record_name": "home", "certificate": True}
    store = service.store
    with answering(*["9.9.9.9"] * 20) as lookup:
        store.save(PublicAddress, PublicAddress(services=(lookup.url,)))
        store.save(Cloudflare, Cloudflare(endpoint=cloudflare.url, token="t0k3n", active=True))
        store.save(Acme, Acme(directory=pebble.directory, agree=True, propagation=0))
        service.start(ready=False)
        own = await_at_both_doors(service, its_own)

        service.put(DdnsRecord, "home", **record)
        first = await_at_both_doors(service, lambda one: names(one) == {NAME}, 180)
        assert first.issuer != first.subject
        assert "POST /zones/z0ne/dns_records" in cloudflare.lines

        # The same one after a restart, and nothing is asked of the authority.
        service.stop()
        asked = len([line for line in cloudflare.lines if "DELETE" in line])
        service.start(ready=False)
        assert await_at_both_doors(service, lambda one: names(one) == {NAME}) == first
        assert len([line for line in cloudflare.lines if "DELETE" in line]) == asked

        # A third of its life is left: it is renewed without being told to.
        service.stop()
        file = service.home / "certificates" / f"{NAME}.pem"
        ending = signed_by_itself([NAME], datetime.now(UTC), days=0.4)
        file.write_bytes(ending.key_pem() + ending.chain_pem())
        service.start(ready=False)
        old = (first, ending.chain[0])
        renewed = await_at_both_doors(service, lambda one: names(one) == {NAME} and one not in old, 180)
        assert renewed.issuer != renewed.subject

        # One that somebody uploaded goes before it; without record and upload it is the device's own again.
        pair = signed_by_itself(["otp.example.org"], datetime.now(UTC))
        service.put(Keystore, "office", name="office", **in_pem(pair))
        await_at_both_doors(service, lambda one: one == pair.chain[0])
        store.remove(Keystore, "office")
        await_at_both_doors(service, lambda one: one == renewed)
        store.remove(DdnsRecord, "home")
        await_at_both_doors(service, lambda one: one == own)
    assert "t0k3n" not in service.log.read_text()
