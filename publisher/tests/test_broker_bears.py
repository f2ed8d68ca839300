"""What the WebSocket broker bears: its limits, its users, its health and its command line."""

import contextlib
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from otp_publisher.broker.limits import Limits

from .certificates import Certificates
from .raw import answer_to, dial, frame, handshake, message, upgraded
from .running_broker import LOGIN, PASSWORDS, Running, broker, silent
from .servers import free_port, running, wait_until


class TestLimits:
    def test_a_message_that_is_too_large_closes_its_sender_alone(self, passwords: Path) -> None:
        with (
            broker(passwords, Limits(message=1000)) as started,
            upgraded(started.port, LOGIN) as sender,
            upgraded(started.port, LOGIN) as reader,
        ):
            sender.sendall(frame(b"x" * 1000))
            assert message(reader)[1] == b"x" * 1000
            sender.sendall(frame(b"x" * 1001))
            first, payload = message(sender)
            assert (first, payload[:2]) == (0x88, struct.pack("!H", 1009))
            assert silent(reader)

    def test_a_slow_reader_is_closed_and_harms_nobody(self, passwords: Path) -> None:
        limits = Limits(message=64_000, queue_bytes=256_000)
        with broker(passwords, limits) as started:
            slow = upgraded(started.port, LOGIN)
            with slow, upgraded(started.port, LOGIN) as sender, upgraded(started.port, LOGIN) as reader:
                big = b"x" * 60_000
                framed = frame(big)
                for _ in range(400):
                    sender.sendall(framed)
                    assert message(reader)[1] == big
                assert started.broker is not None
                wait_until(lambda: started.clients == 2, "the slow reader to be closed")
                assert started.broker.counters.slow_readers_closed == 1

    def test_too_many_clients_are_turned_away_and_come_in_when_there_is_room(self, passwords: Path) -> None:
        with broker(passwords, Limits(clients=2)) as started:
            first = upgraded(started.port, LOGIN)
            with first, upgraded(started.port, LOGIN):
                status, answer = answer_to(started.port, handshake(LOGIN))
                assert status == 503
                assert b"Retry-After" in answer
            wait_until(lambda: started.clients == 0, "both to be gone")
            upgraded(started.port, LOGIN).close()

    def test_those_who_never_say_a_word_have_a_limit_and_a_deadline(self, passwords: Path) -> None:
        limits = Limits(clients=1, knocking=5, open_timeout=1.0)
        with broker(passwords, limits) as started, contextlib.ExitStack() as stack:
            knocking = [stack.enter_context(dial(started.port)) for _ in range(30)]
            for line in knocking:
                with contextlib.suppress(ConnectionResetError):
                    assert line.recv(1) == b""
            upgraded(started.port, LOGIN).close()

    @pytest.mark.parametrize(
        "junk",
        [
            b"\x00" * 1_000_000,
            b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 1_000_000,
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100_000,
            b"POST /?topic=sms HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET /?topic=%ff HTTP/1.1\r\n\r\n",
            b"GET //[?topic=1 HTTP/1.1\r\n\r\n",
        ],
        ids=["zeros", "long header", "many headers", "post", "tls", "not utf-8", "broken address"],
    )
    def test_junk_instead_of_a_handshake(self, open_broker: Running, junk: bytes) -> None:
        with dial(open_broker.port) as line, contextlib.suppress(ConnectionError):
            line.sendall(junk)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65536):
                pass
        upgraded(open_broker.port, LOGIN).close()

    @pytest.mark.parametrize(
        "junk",
        [
            b"\xff" * 100,
            b"\x81\x05hello",  # not masked
            b"\x83\x80\x00\x00\x00\x00",  # an opcode that does not exist
            b"\xc1\x80\x00\x00\x00\x00",  # a reserved bit
            b"\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff",  # a ping of 2^64 bytes
            frame(b"\xff\xfe"),  # text that is not UTF-8
            frame(b"", 0),  # a continuation of nothing
        ],
    )
    def test_wrong_frames_close_their_sender_alone(self, open_broker: Running, junk: bytes) -> None:
        with upgraded(open_broker.port, LOGIN) as reader:
            with upgraded(open_broker.port, LOGIN) as bad:
                bad.sendall(junk)
                assert message(bad)[0] == 0x88
            with upgraded(open_broker.port, LOGIN) as good:
                good.sendall(frame(b"still here"))
                assert message(reader) == (0x81, b"still here")

    def test_a_hundred_megabytes_of_junk_do_not_stay_in_memory(self, passwords: Path) -> None:
        port = free_port()
        command = [sys.executable, "-m", "otp_publisher", "broker", "--htpasswd", str(passwords)]
        with running(
            [*command, "--listen", f"127.0.0.1:{port}"], [port], passwords.parent / "log"
        ) as process:
            before = resident_kib(process.pid)
            chunk = b"\x00" * 1_000_000
            # A frame that says it has 100 MB, in an upgraded connection and before the handshake.
            for line in (upgraded(port, LOGIN), dial(port)):
                with line, contextlib.suppress(ConnectionError):
                    line.sendall(struct.pack("!BBQ4x", 0x81, 0xFF, 100_000_000))
                    for _ in range(100):
                        line.sendall(chunk)
            upgraded(port, LOGIN).close()
            assert resident_kib(process.pid) < before + 20_000


def exchange(file: Path, text: str) -> None:
    """The whole content at once, as htpasswd does it: half a file is a file with fewer users."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


class TestUsers:
    def test_a_changed_password_file_counts_at_once(self, open_broker: Running, passwords: Path) -> None:
        assert answer_to(open_broker.port, handshake("carl:pa:ss"))[0] == 401
        exchange(passwords, PASSWORDS + PASSWORDS.splitlines()[0].replace("anna", "carl") + "\n")
        upgraded(open_broker.port, "carl:pa:ss").close()

    def test_who_is_taken_out_of_the_file_is_closed(self, open_broker: Running, passwords: Path) -> None:
        with upgraded(open_broker.port, LOGIN) as anna, upgraded(open_broker.port, "bert:pa:ss") as bert:
            exchange(passwords, PASSWORDS.splitlines()[1] + "\n")
            first, payload = message(anna)
            assert (first, payload[:2]) == (0x88, struct.pack("!H", 1008))
            assert silent(bert)
        assert answer_to(open_broker.port, handshake(LOGIN))[0] == 401

    def test_a_file_that_vanishes_changes_nothing_but_the_health(
        self, open_broker: Running, passwords: Path
    ) -> None:
        passwords.unlink()
        upgraded(open_broker.port, LOGIN).close()
        status, answer = answer_to(open_broker.port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == 503
        assert b"No such file" in answer

    def test_topics_by_user(self, passwords: Path, tmp_path: Path) -> None:
        rules = tmp_path / "topics"
        rules.write_text("# who: what\nanna: sms sms.reply.*\n*: public\n")
        with broker(passwords, rules=rules) as started:
            for login, topic, status in (
                (LOGIN, "sms", 101),
                (LOGIN, "sms.reply.1234", 101),
                (LOGIN, "other", 403),
                (LOGIN, "public", 403),
                ("bert:pa:ss", "sms", 403),
                ("bert:pa:ss", "public", 101),
            ):
                with dial(started.port) as line:
                    line.sendall(handshake(login, f"/?topic={topic}"))
                    assert line.recv(1024).split()[1] == str(status).encode(), (login, topic)
            with upgraded(started.port, LOGIN) as anna:
                exchange(rules, "anna: other\n")
                assert message(anna)[1][:2] == struct.pack("!H", 1008)


class TestHealth:
    def test_health_answers_everybody(self, port: int) -> None:
        with upgraded(port, LOGIN):
            status, answer = answer_to(port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == 200
        assert answer.endswith(b'\r\n\r\n{"status": "ok", "clients": 1, "topics": 1}\n')

    def test_metrics_want_a_login(self, port: int) -> None:
        assert answer_to(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 401
        with upgraded(port, LOGIN) as sender, upgraded(port, LOGIN) as reader:
            sender.sendall(frame(b"12345"))
            message(reader)
            # `anna:pa:ss` in Base64.
            request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uYTpwYTpzcw==\r\n\r\n"
            status, answer = answer_to(port, request)
        assert status == 200
        for line in (
            "clients 2",
            "topics 1",
            "messages_in_total 1",
            "messages_out_total 1",
            "bytes_in_total 5",
        ):
            assert f"\notp_broker_{line}\n".encode() in answer


class TestCommand:
    def test_it_says_where_it_listens_and_stops_politely(self, passwords: Path) -> None:
        port = free_port()
        command = [sys.executable, "-m", "otp_publisher", "broker", "--htpasswd", str(passwords)]
        log = passwords.parent / "log"
        with running([*command, "--listen", f"127.0.0.1:{port}"], [port], log) as process:
            line = upgraded(port, LOGIN)
            process.send_signal(signal.SIGTERM)
            first, payload = message(line)
            assert (first, payload[:2]) == (0x88, struct.pack("!H", 1001))
            line.sendall(frame(payload, 8))
            line.close()
            assert process.wait(30) == 0
        assert log.read_text() == f"INFO listening on 127.0.0.1:{port}\nINFO stopped\n"

    def test_a_taken_port_is_status_2(self, passwords: Path, port: int) -> None:
        command = [sys.executable, "-m", "otp_publisher", "broker", "--htpasswd", str(passwords)]
        done = subprocess.run(
            [*command, "--listen", f"127.0.0.1:{port}"], capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert b"ERROR" in done.stderr

    def test_a_renewed_certificate_is_used_without_a_restart(
        self, passwords: Path, certs: Certificates, tmp_path: Path
    ) -> None:
        from . import certificates

        port = free_port()
        cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        cert.write_bytes(certs.cert.read_bytes())
        key.write_bytes(certs.key.read_bytes())
        command = [sys.executable, "-m", "otp_publisher", "broker", "--htpasswd", str(passwords)]
        tls = ["--listen", f"127.0.0.1:{port}", "--certfile", str(cert), "--keyfile", str(key)]
        with running([*command, *tls], [port], tmp_path / "log"):
            assert shown_certificate(port) == ssl.PEM_cert_to_DER_cert(certs.cert.read_text())
            directory = tmp_path / "renewed"
            directory.mkdir()
            renewed = certificates.make(directory)
            for new, old in ((renewed.key, key), (renewed.cert, cert)):
                os.replace(new, old)
            expected = ssl.PEM_cert_to_DER_cert(cert.read_text())
            wait_until(lambda: shown_certificate(port) == expected, "the new certificate")


def shown_certificate(port: int) -> bytes:
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port), timeout=20))


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
