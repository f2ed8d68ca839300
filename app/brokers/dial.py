"""Opens a socket to a broker, with TLS as the settings say, and tells in words why that failed."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Protocol


class Fault(Exception):
    """A connection could not be made or broke; the text is a sentence for the page, without secrets."""


class Tls(Protocol):
    """What the settings say about the way to a broker."""

    @property
    def ssl(self) -> bool: ...

    @property
    def ca_certificate(self) -> str: ...

    @property
    def trust_self_signed(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker is. timeout: seconds for each step of connecting, and until silence counts as loss."""

    host: str
    port: int
    timeout: float
    context: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def context(tls: Tls) -> ssl.SSLContext | None:
    """The TLS rules of one section, or None for a plain connection. Raises Fault on a broken certificate."""
    if not tls.ssl:
        return None
    made = ssl.create_default_context()
    if tls.trust_self_signed:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif tls.ca_certificate:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            made.load_verify_locations(cadata=tls.ca_certificate)
        except (ssl.SSLError, ValueError):
            raise Fault("the CA certificate of the settings is not a certificate in PEM") from None
    return made


def keepalive(timeout: float) -> dict[str, int]:
    """TCP options (tcp(7)) by which the kernel gives a silent peer up after about ``timeout`` seconds."""
    step = max(1, int(timeout / 4))
    return {
        "TCP_NODELAY": 1,
        "TCP_KEEPIDLE": max(1, int(timeout / 2)),
        "TCP_KEEPINTVL": step,
        "TCP_KEEPCNT": 2,
        "TCP_USER_TIMEOUT": max(1, int(timeout * 750)),  # milliseconds
    }


def watch(sock: socket.socket, timeout: float) -> None:
    """Make the kernel notice when the peer is gone without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in keepalive(timeout).items():
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def dial(place: Place) -> socket.socket:
    """A connected socket, handshake done, with the place's timeout. Raises Fault."""
    try:
        sock = socket.create_connection((place.host, place.port), place.timeout)
    except OSError as error:
        raise Fault(in_words(error, place)) from error
    try:
        watch(sock, place.timeout)
        if place.context is not None:
            return place.context.wrap_socket(sock, server_hostname=place.host)
    except OSError as error:
        sock.close()
        raise Fault(handshake_in_words(error, place)) from error
    return sock


def handshake_in_words(error: OSError, place: Place) -> str:
    """As ``in_words``, for a peer that was there but not in TLS."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return in_words(error, place)
    what = "no answer" if isinstance(error, TimeoutError) else "it closed the connection"
    return f"TLS with {place} failed ({what}): does the broker speak TLS on this port?"


def in_words(error: BaseException, place: Place) -> str:
    """A failure of the network as a sentence that says what to look at."""
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"TLS: the certificate of {place} is not trusted ({error.verify_message}): give the CA's "
                "certificate in the settings, or trust a self-signed one"
            )
        case ssl.SSLError():
            what = (getattr(error, "reason", None) or "").replace("_", " ").lower() or "the handshake failed"
            return f"TLS with {place} failed ({what}): does the broker speak TLS on this port?"
        case socket.gaierror():
            return f"the host name {place.host} is unknown to the name server"
        case TimeoutError():
            return f"no answer from {place} within {place.timeout:g} s"
        case ConnectionRefusedError():
            return f"{place} refused the connection: is the broker running there?"
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError() | EOFError():
            return f"{place} closed the connection"
        case OSError() if error.strerror:
            return f"{place} cannot be reached: {error.strerror}"
    return f"the connection to {place} failed ({type(error).__name__})"


class Wire:
    """A dialled socket from which one reads what is there, and to which one writes all there is."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sock = dial(place)

    def waiting(self) -> bool:
        """Whether TLS holds octets that the kernel does not show any more."""
        return isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0

    def read(self) -> bytes:
        """What has come in, without waiting; empty when nothing has. Raises Fault at the end."""
        self.sock.settimeout(0)
        try:
            octets = self.sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b""
        except OSError as error:
            raise Fault(in_words(error, self.place)) from error
        finally:
            self.sock.settimeout(self.place.timeout)
        if not octets:
            raise Fault(f"{self.place} closed the connection")
        return octets

    def write(self, octets: bytes) -> None:
        """Raises Fault when the peer does not take it within the timeout."""
        try:
            self.sock.sendall(octets)
        except OSError as error:
            raise Fault(in_words(error, self.place)) from error

    def close(self) -> None:
        self.sock.close()
