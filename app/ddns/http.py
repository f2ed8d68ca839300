"""One HTTP request to a vendor: TLS verified, no redirects, an end to every wait, a bounded answer."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

LARGEST = 1024 * 1024  # octets of an answer
_SECONDS = 15.0


class Unreachable(Exception):
    """There is no answer; the text is a sentence without secrets."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case

    def json(self) -> dict[str, Any]:
        """The object it holds, or an empty one."""
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """Seconds, where the vendor names them (RFC 9110 §10.2.3)."""
        value = self.headers.get("retry-after", "")
        return float(value) if value.isascii() and value.isdigit() and len(value) < 7 else None


class Http:
    """tls: the authorities to trust, the system's unless a test has its own."""

    def __init__(self, tls: ssl.SSLContext | None = None, seconds: float = _SECONDS) -> None:
        self._tls = tls or ssl.create_default_context()
        self._seconds = seconds

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: object = None,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> Answer:
        """``body`` is sent as JSON. family: over IPv4 or IPv6 only. Raises Unreachable."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection = _Connection(
            host, parts.port, family, self._seconds, self._tls if parts.scheme == "https" else None
        )
        octets = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        more = {} if octets is None else {"Content-Type": "application/json"}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, octets, {**headers, **more})
            response = connection.getresponse()
            text = response.read(LARGEST).decode("utf-8", "replace")
            return Answer(
                response.status, text, {name.lower(): value for name, value in response.getheaders()}
            )
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"the certificate of {host} is not trusted: {error.verify_message}") from error
        except TimeoutError as error:
            raise Unreachable(f"{host} did not answer in time") from error
        except socket.gaierror as error:
            raise Unreachable(f"the name {host} was not found: is the device online?") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{host} cannot be reached: {_reason(error)}") from error
        finally:
            connection.close()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


class _Connection(http.client.HTTPConnection):
    """Speaks over one address family if it must."""

    def __init__(
        self,
        host: str,
        port: int | None,
        family: socket.AddressFamily,
        seconds: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(host, port or (443 if tls else 80), timeout=seconds)
        self._family = family
        self._tls = tls
        if tls:
            self.default_port = 443  # so that Host says no port where none is needed

    def connect(self) -> None:
        problem: OSError = OSError("no address")
        for family, kind, proto, _, address in socket.getaddrinfo(
            self.host, self.port, self._family, socket.SOCK_STREAM
        ):
            connection = socket.socket(family, kind, proto)
            try:
                connection.settimeout(self.timeout)
                connection.connect(address)
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_hostname=self.host)
            except OSError as error:
                problem = error
                connection.close()
            else:
                self.sock = connection
                return
        raise problem
