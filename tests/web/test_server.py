"""The listeners: opened, moved and closed while the service runs; HTTP and HTTPS side by side."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from app.core.clock import BUILT
from app.web import tls
from app.web.server import Listener
from bench.ports import free_port
from tests.web.door import Client, Door, basic, read_to_end, sms

ECHO = b'{"command":"echo"}'
NOW = BUILT + 86400.0


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int) -> int:
    client = Client(port)
    try:
        return client.post(ECHO).status
    finally:
        client.close()


def test_a_listener_moves_to_another_port_while_the_service_runs(door: Door) -> None:
    before, after = door.port, free_port()
    assert door.web.apply({"http": Listener(after, host="127.0.0.1")}) == []
    assert door.web.ports() == {"http": after}
    assert ask(after) == 200
    assert not listens(before)


def test_a_request_under_way_is_answered_though_its_port_is_closed(door: Door) -> None:
    door.fleet.holding = True
    client = Client(door.port)
    with ThreadPoolExecutor(1) as crowd:
        answer = crowd.submit(client.post, sms("on its way"))
        door.fleet.wait_for(1)
        assert door.web.apply({}) == []
        assert door.web.ports() == {}
        door.fleet.release()
        assert answer.result(30).json["response_code"] == "0000"
        assert answer.result().headers["Connection"] == "close"
    client.close()


def test_the_same_settings_again_leave_connections_alone(door: Door, client: Client) -> None:
    assert client.post(ECHO).status == 200
    sock = client.http.sock
    assert door.web.apply({"http": Listener(0, host="127.0.0.1")}) == []
    assert client.post(ECHO).status == 200
    assert client.http.sock is sock


def test_a_port_that_is_taken_is_reported_and_the_old_one_stays(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        problems = door.web.apply({"http": Listener(taken, host="127.0.0.1")})
    assert len(problems) == 1
    assert problems[0].startswith(f"port {taken} cannot be opened for http: ")
    assert "in use" in problems[0]
    assert ask(door.port) == 200


def test_two_listeners_change_places(door: Door) -> None:
    one, two = free_port(), free_port()
    here = {"a": Listener(one, host="127.0.0.1"), "b": Listener(two, host="127.0.0.1")}
    there = {"a": here["b"], "b": here["a"]}
    assert door.web.apply(here) == []
    assert door.web.apply(there) == []
    assert door.web.ports() == {"a": two, "b": one}
    assert ask(one) == ask(two) == 200


def test_without_a_host_both_families_are_served(door: Door) -> None:
    assert door.web.apply({"http": Listener(0)}) == []
    assert ask(door.port) == 200
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        sock = socket.create_connection(("::1", door.port), timeout=10)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    assert read_to_end(sock).endswith(b'{"live":true}')


def test_the_threads_bear_their_names(door: Door, client: Client) -> None:
    assert client.post(ECHO).status == 200
    names = {thread.name for thread in threading.enumerate()}
    assert {"http-accept", "http-1"} <= names


def test_stop_ends_listeners_and_threads(tmp_path: Path) -> None:
    door = Door(tmp_path)
    port = door.port
    assert ask(port) == 200
    door.close()
    assert not listens(port)
    assert door.pool.size == 0


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "https.pem"
    assert tls.self_signed(path, ["otp-pi.local", "127.0.0.1", "::1"], NOW)
    return path


def trusting(pem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pem))


def test_https_with_the_certificate_the_device_made(door: Door, pem: Path) -> None:
    listeners = {"http": Listener(0, host="127.0.0.1"), "https": Listener(0, tls.load(pem), "127.0.0.1")}
    assert door.web.apply(listeners) == []
    port = door.web.ports()["https"]
    client = http.client.HTTPSConnection("127.0.0.1", port, context=trusting(pem), timeout=30)
    for number in range(3):  # on one connection
        body = json.dumps(sms(id=number))
        client.request("POST", "/api/sms", body, {"Authorization": basic()})
        response = client.getresponse()
        assert json.loads(response.read())["data"]["id"] == str(number)
    client.close()
    assert ask(door.port) == 200


def test_https_is_switched_off_and_on_at_run_time(door: Door, pem: Path) -> None:
    both = {"http": Listener(0, host="127.0.0.1"), "https": Listener(0, tls.load(pem), "127.0.0.1")}
    assert door.web.apply(both) == []
    port = door.web.ports()["https"]
    assert door.web.apply({"http": both["http"]}) == []
    assert not listens(port)
    assert door.web.apply({"https": both["https"]}) == []
    assert set(door.web.ports()) == {"https"}


def test_http_on_the_https_port_is_told_so_in_plain_json(door: Door, pem: Path) -> None:
    assert door.web.apply({"https": Listener(0, tls.load(pem), "127.0.0.1")}) == []
    sock = socket.create_connection(("127.0.0.1", door.web.ports()["https"]), timeout=30)
    sock.sendall(b"POST /api/otp HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}")
    answer = read_to_end(sock)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"this port speaks HTTPS only" in answer
    assert b"Content-Type: application/json; charset=utf-8\r\n" in answer


def test_a_client_that_stops_within_the_handshake_stops_nobody(door: Door, pem: Path) -> None:
    assert door.web.apply({"https": Listener(0, tls.load(pem), "127.0.0.1")}) == []
    port = door.web.ports()["https"]
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(15)]
    for sock in crowd:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # the beginning of a ClientHello
    client = http.client.HTTPSConnection("127.0.0.1", port, context=trusting(pem), timeout=30)
    client.request("GET", "/health/live")
    assert client.getresponse().status == 200
    client.close()
    for sock in crowd:
        sock.close()


def test_a_body_that_is_too_large_is_answered_over_https_too(door: Door, pem: Path) -> None:
    assert door.web.apply({"https": Listener(0, tls.load(pem), "127.0.0.1")}) == []
    client = http.client.HTTPSConnection(
        "127.0.0.1", door.web.ports()["https"], context=trusting(pem), timeout=30
    )
    client.request("POST", "/api/otp", b"x" * 200_000, {"Authorization": basic()})
    assert client.getresponse().status == 413
    client.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(door: Door, pem: Path) -> None:
    assert door.web.apply({"https": Listener(0, tls.load(pem), "127.0.0.1")}) == []
    context = trusting(pem)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    sock = socket.create_connection(("127.0.0.1", door.web.ports()["https"]), timeout=30)
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(sock, server_hostname="127.0.0.1")
    sock.close()


def test_the_key_is_for_the_service_alone(pem: Path) -> None:
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    assert [file.name for file in pem.parent.iterdir()] == ["https.pem"]


def test_the_certificate_names_the_device_and_is_one_of_a_server(pem: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    certificate = x509.load_pem_x509_certificate(pem.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["otp-pi.local"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
    valid = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert 800 < valid.days <= 825


def test_a_certificate_is_kept_and_renewed_before_it_ends(tmp_path: Path) -> None:
    pem = tmp_path / "https.pem"
    assert tls.self_signed(pem, ["a"], NOW)
    first = pem.read_bytes()
    assert not tls.self_signed(pem, ["a"], NOW + tls.LIFETIME - 31 * 86400)
    assert pem.read_bytes() == first
    assert tls.self_signed(pem, ["a"], NOW + tls.LIFETIME - 29 * 86400)
    assert pem.read_bytes() != first


def test_a_new_name_and_a_damaged_file_make_a_new_certificate(tmp_path: Path) -> None:
    pem = tmp_path / "https.pem"
    tls.self_signed(pem, ["a", "10.0.0.1"], NOW)
    assert not tls.self_signed(pem, ["10.0.0.1"], NOW)
    assert tls.self_signed(pem, ["a", "10.0.0.2"], NOW)
    os.truncate(pem, 300)
    assert tls.self_signed(pem, ["a"], NOW)
    tls.load(pem)


def test_a_passing_address_is_named_when_a_certificate_is_made_and_makes_none(tmp_path: Path) -> None:
    pem = tmp_path / "https.pem"
    assert tls.self_signed(pem, ["a"], NOW, lambda: ["10.0.0.1", "a"])
    names = names_in(pem)
    assert names.get_values_for_type(x509.DNSName) == ["a"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert not tls.self_signed(pem, ["a"], NOW, lambda: ["10.0.0.2"])
    assert tls.self_signed(pem, ["a", "bücher.example"], NOW, lambda: ["10.0.0.2"])
    assert names_in(pem).get_values_for_type(x509.DNSName) == ["a", "xn--bcher-kva.example"]
    assert not tls.self_signed(pem, ["a", "bücher.example"], NOW)


def names_in(pem: Path) -> x509.SubjectAlternativeName:
    certificate = x509.load_pem_x509_certificate(pem.read_bytes())
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_a_clock_that_was_never_set_makes_a_certificate_that_is_valid_later(tmp_path: Path) -> None:
    pem = tmp_path / "https.pem"
    assert tls.self_signed(pem, ["a"], 0.0)
    assert not tls.self_signed(pem, ["a"], BUILT + 365 * 86400)


def test_a_name_that_no_certificate_can_hold_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the certificate could not be made: "):
        tls.self_signed(tmp_path / "https.pem", ["x" * 64 + ".example"], NOW)
    assert list(tmp_path.iterdir()) == []
