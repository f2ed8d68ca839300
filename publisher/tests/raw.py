"""A WebSocket client of bytes alone, as the old clients are: sees exactly what is on the wire."""

import base64
import os
import socket
import struct

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455 section 1.3; its answer is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=."""


def handshake(login: str | None, target: str = "/ws?topic=sms", *more: str) -> bytes:
    """The request the published handshake example shows; `login` is `user:password`."""
    lines = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1"]
    if login is not None:
        lines.append("Authorization: Basic " + base64.b64encode(login.encode()).decode())
    lines += [
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def frame(text: bytes, opcode: int = 1, last: bool = True) -> bytes:
    """One masked client frame (RFC 6455 section 5.2)."""
    first = (0x80 if last else 0) | opcode
    if len(text) < 126:
        head = struct.pack("!BB", first, 0x80 | len(text))
    elif len(text) < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(text))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(text))
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


def upgraded(port: int, login: str | None, target: str = "/ws?topic=sms") -> socket.socket:
    """A connection after the 101; fails the test on anything else."""
    line = dial(port)
    line.sendall(handshake(login, target))
    answer = line.recv(1024)
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    assert answer.endswith(b"\r\n\r\n"), answer
    return line


def answer_to(port: int, request: bytes) -> tuple[int, bytes]:
    """Status and everything else, until the broker hangs up."""
    with dial(port) as line:
        line.sendall(request)
        answer = b""
        while chunk := line.recv(65536):
            answer += chunk
    return int(answer.split()[1]), answer


def exactly(line: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        chunk = line.recv(count - len(received))
        assert chunk, "the broker hung up"
        received += chunk
    return received


def message(line: socket.socket) -> tuple[int, bytes]:
    """First byte and payload of the next frame from the broker."""
    first, length = exactly(line, 2)
    assert length < 128, "a server never masks"
    if length == 126:
        (length,) = struct.unpack("!H", exactly(line, 2))
    elif length == 127:
        (length,) = struct.unpack("!Q", exactly(line, 8))
    return first, exactly(line, length)
