"""The WebSocket broker on the wire, byte by byte, as old and hostile clients meet it."""

import socket
import struct
import time
from pathlib import Path

import pytest

from otp_publisher.broker.limits import Limits

from .raw import answer_to, dial, frame, handshake, message, upgraded
from .running_broker import LOGIN, Running, broker, silent
from .servers import wait_until


class TestHandshake:
    def test_the_answer_is_one_small_write_and_nothing_follows(self, port: int) -> None:
        with dial(port) as line:
            line.sendall(handshake(LOGIN))
            answer = line.recv(65536)
            assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
            assert answer.endswith(b"\r\n\r\n")
            assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
            assert len(answer) < 1024
            assert silent(line)

    def test_compression_is_not_agreed_to(self, port: int) -> None:
        with dial(port) as line:
            line.sendall(handshake(LOGIN, "/?topic=sms", "Sec-WebSocket-Extensions: permessage-deflate"))
            assert b"permessage-deflate" not in line.recv(65536)

    @pytest.mark.parametrize(
        "login", [None, "anna:wrong", "nobody:pa:ss", "anna:", "anna:pa", ":pa:ss", "anna"]
    )
    def test_without_the_right_login_it_is_401_before_the_upgrade(self, port: int, login: str | None) -> None:
        status, answer = answer_to(port, handshake(login))
        assert status == 401
        assert b'WWW-Authenticate: Basic realm="otp-broker"' in answer
        assert b'"response_code": "1100"' in answer
        assert b"pa:ss" not in answer

    def test_two_logins_are_none(self, port: int) -> None:
        good = handshake(LOGIN).decode().split("\r\n")[2]
        assert answer_to(port, handshake(LOGIN, "/?topic=sms", good))[0] == 401

    @pytest.mark.parametrize("target", ["/", "/ws", "/ws?topic=", "/ws?other=sms", "/ws?topic=" + "x" * 256])
    def test_an_address_without_a_usable_topic_is_400(self, port: int, target: str) -> None:
        assert answer_to(port, handshake(LOGIN, target))[0] == 400

    def test_who_guesses_is_put_off_but_nobody_else(self, port: int) -> None:
        statuses = [answer_to(port, handshake("anna:wrong"))[0] for _ in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        upgraded(port, "bert:pa:ss").close()

    def test_a_login_that_was_right_before_is_not_put_off_by_guesses_of_others(self, port: int) -> None:
        upgraded(port, LOGIN).close()
        for _ in range(12):
            answer_to(port, handshake("anna:wrong"))
        upgraded(port, LOGIN).close()


class TestMessages:
    def test_a_message_goes_to_every_other_client_of_the_topic_and_never_back(self, port: int) -> None:
        with (
            upgraded(port, LOGIN) as sender,
            upgraded(port, LOGIN, "/any/path?x=1&topic=sms") as first,
            upgraded(port, "bert:pa:ss", "/?channel=sms") as second,
            upgraded(port, LOGIN, "/ws?topic=other") as elsewhere,
        ):
            sender.sendall(frame("Halo é ✓".encode()))
            assert message(first) == (0x81, "Halo é ✓".encode())
            assert message(second) == (0x81, "Halo é ✓".encode())
            assert silent(sender)
            assert silent(elsewhere)

    @pytest.mark.parametrize(
        ("one", "two"),
        [("1", "01"), ("1", "1.0"), ("1e3", "1000"), ("sms", "SMS"), ("sms", "sms%20"), ("0", "false")],
    )
    def test_topics_are_compared_as_strings(self, port: int, one: str, two: str) -> None:
        with (
            upgraded(port, LOGIN, f"/?topic={one}") as sender,
            upgraded(port, LOGIN, f"/?topic={two}") as other,
        ):
            sender.sendall(frame(b"x"))
            assert silent(other)

    def test_topics_are_decoded_as_php_and_java_encode_them(self, port: int) -> None:
        with (
            upgraded(port, LOGIN, "/?topic=a%20b%2Fc") as php,
            upgraded(port, LOGIN, "/?topic=a+b%2fc") as java,
        ):
            php.sendall(frame(b"x"))
            assert message(java) == (0x81, b"x")

    def test_fragments_and_binary_arrive_as_one_text_frame(self, port: int) -> None:
        with upgraded(port, LOGIN) as sender, upgraded(port, LOGIN) as reader:
            sender.sendall(frame(b"one ", last=False) + frame(b"two ", 0, last=False) + frame(b"three", 0))
            sender.sendall(frame(b'{"a":1}', opcode=2))
            assert message(reader) == (0x81, b"one two three")
            assert message(reader) == (0x81, b'{"a":1}')

    def test_order_is_kept(self, port: int) -> None:
        with upgraded(port, LOGIN) as sender, upgraded(port, LOGIN) as reader:
            sender.sendall(b"".join(frame(str(number).encode()) for number in range(2000)))
            assert [message(reader)[1] for _ in range(2000)] == [
                str(number).encode() for number in range(2000)
            ]

    @pytest.mark.parametrize("reset", [False, True])
    def test_clients_that_write_one_frame_and_drop_the_line_are_heard(
        self, open_broker: Running, reset: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        with upgraded(open_broker.port, LOGIN) as reader:
            for number in range(100):
                line = upgraded(open_broker.port, LOGIN)
                if reset:
                    # Closing with a linger of zero sends RST instead of FIN.
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.sendall(frame(f"message {number}".encode()))
                if reset:
                    # An RST may overtake data the kernel still holds; let it leave first.
                    time.sleep(0.01)
                line.close()
            assert [message(reader)[1] for _ in range(100)] == [f"message {n}".encode() for n in range(100)]
        wait_until(lambda: open_broker.clients == 0, "everybody to be gone")
        assert [record for record in caplog.records if record.name.startswith("otp_publisher")] == []

    def test_text_never_reaches_the_log(self, port: int, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        with upgraded(port, LOGIN) as sender, upgraded(port, LOGIN) as reader:
            sender.sendall(frame(b"hidden-text"))
            assert message(reader)[1] == b"hidden-text"
        assert "hidden-text" not in caplog.text

    def test_the_first_ping_comes_late_and_is_not_empty(self, passwords: Path) -> None:
        with broker(passwords, Limits(ping_interval=15)) as started, upgraded(started.port, LOGIN) as line:
            begin = time.monotonic()
            line.settimeout(40)
            first, payload = message(line)
            assert first == 0x89
            assert payload
            assert time.monotonic() - begin > 14.5

    def test_a_shorter_ping_is_not_to_be_had(self) -> None:
        with pytest.raises(ValueError, match="15"):
            Limits(ping_interval=10)
