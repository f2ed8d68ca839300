"""Clients that mean harm, or are merely broken: they get an answer or an end, and stop nobody."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.web import connection, server, streams
from tests.web.door import Client, Door, basic, eventually, read_to_end, sms

ECHO = b'{"command":"echo"}'
VERIFY = {"command": "verify-otp", "data": {"reference": "r", "receiver": "0812345678", "otp": "1"}}
JSON = b"Content-Type: application/json; charset=utf-8\r\n"


def request(*fields: str, body: bytes = ECHO) -> bytes:
    lines = ["POST /api/otp HTTP/1.1", "Host: d", f"Authorization: {basic()}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS on the HTTP port\r\n\r\n",
        b"hello\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST /api/otp HTTP/1.1\n\n",
        b"POST /api/otp XTTP/1.1\r\n\r\n",
        b"POST /api/otp HTTP/one\r\n\r\n",
        b"POST /api/otp HTTP/2.0\r\n\r\n",
        b"post /api/otp HTTP/1.1\r\n\r\n",
        b"POST http://[ HTTP/1.1\r\n\r\n",
        b"POST http://elsewhere/api/otp HTTP/1.1\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nSpace : 1\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nHost: a\rX-Evil: b\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nContent-Length: +5\r\n\r\nabcde",
        b"POST /api/otp HTTP/1.1\r\nContent-Length: 1_0\r\n\r\nabcde",
        b"POST /api/otp HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /api/otp HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nabcde",
        b"POST /api/otp HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /api/otp HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n",
        b"POST /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /api/otp HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
    ],
)
def test_broken_requests_get_a_json_answer_and_the_connection_ends(door: Door, octets: bytes) -> None:
    answer = read_to_end(door.raw(octets))
    status = answer[:12]
    assert status[:9] == b"HTTP/1.1 " and status[9:10] in b"45", answer
    assert JSON in answer and b"Connection: close\r\n" in answer
    assert b'"response_code":"1102"' in answer
    assert b"X-Evil" not in answer


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n" + ECHO,
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"5 \nabcde",
        b"5\r\nabcdefg\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\n",
        b"1" * 5_000,
        b"0\r\n" + b"X: y\r\n" * 100 + b"\r\n",
    ],
)
def test_broken_chunks_are_400_and_the_connection_ends(door: Door, body: bytes) -> None:
    sock = door.raw(request("Transfer-Encoding: chunked", body=body))
    sock.shutdown(socket.SHUT_WR)
    answer = read_to_end(sock)
    assert answer.startswith(b"HTTP/1.1 400 ") and JSON in answer, answer


def test_a_body_that_ends_early_is_400_and_nothing_is_sent(door: Door) -> None:
    whole = b'{"command":"send-sms","data":{"receiver":"0812345678","message":"x"}}'
    sock = door.raw(request(f"Content-Length: {len(whole) + 1}", body=whole))
    sock.shutdown(socket.SHUT_WR)
    answer = read_to_end(sock)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"the body ends before its declared length" in answer
    assert door.fleet.texts == []


def test_a_client_that_leaves_in_the_middle_leaves_no_trace(door: Door, client: Client) -> None:
    for cut in (0, 5, 40, 120):
        sock = door.raw(request(f"Content-Length: {len(ECHO)}")[:cut])
        sock.close()
    assert client.post(ECHO).status == 200


def test_headers_cannot_be_injected_through_what_the_client_says(client: Client) -> None:
    evil = "x\r\nX-Evil: 1\r\n\r\n<html>"
    for body in ({"command": evil}, {"command": "echo", "data": evil}, sms(id=evil), sms(receiver=evil)):
        answer = client.post(body)
        assert "X-Evil" not in answer.headers
        assert b"\r\n" not in answer.body
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    answer = client.ask("GET", "/api/status/x%0d%0aX-Evil:%201")
    assert answer.status == 404 and "X-Evil" not in answer.headers


def test_an_underscore_does_not_pass_for_a_hyphen(door: Door) -> None:
    octets = request("Content-Length: 18", "Content_Length: 2", "Authorization_: x", "Connection: close")
    assert read_to_end(door.raw(octets)).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's patience with clients, shortened so that a test need not wait for it."""
    monkeypatch.setattr(connection, "READ_SECONDS", 1.0)
    monkeypatch.setattr(streams, "WRITE_SECONDS", 1.0)
    monkeypatch.setattr(server, "SILENT_SECONDS", 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "begun",
    [b"P", b"POST /api/otp HTTP/1.1\r\nHost: d\r\n", request("Content-Length: 18", body=b"{")],
    ids=["request line", "headers", "body"],
)
def test_a_slow_client_is_told_408_however_it_trickles(door: Door, begun: bytes) -> None:
    sock = door.raw(begun)
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.1):
            try:
                sock.sendall(b"a")
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        answer = sock.recv(4096)
    finally:
        stop.set()
        thread.join()
        sock.close()
    assert answer.startswith(b"HTTP/1.1 408 ") and b'"reason":"timeout"' in answer


@pytest.mark.usefixtures("impatient")
def test_a_silent_client_is_shown_out(door: Door) -> None:
    assert read_to_end(door.raw()) == b""


@pytest.mark.usefixtures("impatient")
def test_a_client_that_does_not_read_does_not_keep_its_thread(door: Door) -> None:
    big = b'{"command":"echo","data":"' + "ü".encode() * 30_000 + b'"}'
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", door.port))
    sock.settimeout(0.2)
    try:
        for _ in range(100):
            sock.sendall(request(f"Content-Length: {len(big)}", body=big))
    except OSError:
        pass  # nothing more fits in anywhere
    eventually(lambda: not any(w.job for w in list(door.pool._workers.values())))
    sock.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Door]:
    """Four threads serve, and two may wait."""
    door = Door(tmp_path, front=4, waiters=2)
    yield door
    door.close()


def test_silent_and_slow_clients_do_not_keep_the_others_waiting(small: Door) -> None:
    silent = [small.raw() for _ in range(200)]
    slow = [small.raw(b"POST /api/otp HTTP/1.1\r\n") for _ in range(16)]
    client = Client(small.port)
    try:
        # Four threads, sixteen slow clients: by the usual patience of ten seconds it would take forty.
        began = time.monotonic()
        assert client.post(ECHO).status == 200
        assert time.monotonic() - began < 30
    finally:
        client.close()
        for sock in (*silent, *slow):
            sock.close()


def test_more_connections_than_allowed_cost_the_silent_ones_their_place(door: Door, client: Client) -> None:
    door.web._crowd.limit = 50
    assert client.post(ECHO).status == 200
    crowd = [door.raw() for _ in range(120)]
    eventually(lambda: len(door.web._crowd._present) <= 50)
    assert client.post(ECHO).status == 200  # known from before: it keeps its place
    for sock in crowd:
        sock.close()


def test_no_room_to_wait_is_answered_at_once_and_nothing_is_begun(small: Door) -> None:
    small.fleet.holding = True
    with ThreadPoolExecutor(3) as crowd:
        first = [crowd.submit(Client(small.port).post, sms(str(n), id=n)) for n in range(2)]
        small.fleet.wait_for(2)
        answer = Client(small.port).post(sms("third", id=3))
        assert (answer.status, answer.json["response_code"], answer.json["reason"]) == (
            200,
            "1102",
            "queue_full",
        )
        # What does not wait for a modem is served, and so is what needs no thread to wait in.
        assert Client(small.port).post(VERIFY).json["response_code"] == "1202"
        assert Client(small.port).post(sms("later"), Prefer="respond-async").status == 202
        small.fleet.release()
        assert [f.result(30).json["response_code"] for f in first] == ["0000", "0000"]
    assert "third" not in small.fleet.texts
    assert Client(small.port).post(sms("fourth")).json["response_code"] == "0000"


def test_verification_is_served_while_300_clients_wait_for_a_modem(door: Door) -> None:
    door.fleet.holding = True
    senders = [Client(door.port) for _ in range(300)]
    with ThreadPoolExecutor(300) as crowd:
        waiting = [crowd.submit(sender.post, sms(id=number)) for number, sender in enumerate(senders)]
        door.fleet.wait_for(300)
        assert door.pool.size >= 300
        client = Client(door.port)
        taken = []
        for _ in range(200):
            began = time.perf_counter()
            assert client.post(VERIFY).json["response_code"] == "1202"
            taken.append(time.perf_counter() - began)
        assert statistics.median(taken) < 0.5  # far from the sixty seconds a used-up pool would take
        assert not any(future.done() for future in waiting)
        door.fleet.release()
        assert all(future.result(60).json["response_code"] == "0000" for future in waiting)
        client.close()
    for sender in senders:
        sender.close()
    eventually(lambda: door.pool.size <= 4)  # and the threads go again


def test_a_thousand_wrong_codes_do_not_find_the_right_one(door: Door, client: Client) -> None:
    otp = {"reference": "r", "receiver": "0812345678", "message": "%s"}
    assert client.post({"command": "request-otp", "data": otp}).json["response_code"] == "0000"
    right = door.fleet.texts[-1]
    answers = []
    for number in range(1000):
        guess = f"{(int(right) + 1 + number) % 1_000_000:06d}"
        answers.append(
            client.post({"command": "verify-otp", "data": {**VERIFY["data"], "otp": guess}}).json  # type: ignore[dict-item]
        )
    assert {answer["response_code"] for answer in answers} == {"1202"}
    assert [answer["reason"] for answer in answers[:5]] == ["invalid_otp"] * 4 + ["locked"]
    last = client.post({"command": "verify-otp", "data": {**VERIFY["data"], "otp": right}})  # type: ignore[dict-item]
    assert last.json["response_code"] == "1202"


def test_an_unforeseen_fault_is_a_json_answer_without_its_text(
    door: Door, client: Client, caplog: pytest.LogCaptureFixture
) -> None:

    def broken(*anything: object) -> object:
        raise RuntimeError("the secret text")

    door.api._gateway.handle_all = broken  # type: ignore[method-assign, assignment]
    answer = client.post(ECHO)
    assert (answer.status, answer.json["response_code"], answer.json["reason"]) == (500, "1102", "failed")
    assert "RuntimeError" in caplog.text and "secret text" not in caplog.text
    assert client.post(ECHO).status == 500  # and the connection lives
