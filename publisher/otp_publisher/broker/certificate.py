"""The broker's certificate: loaded at the start, and again when its file has been renewed."""

import logging
import ssl
from pathlib import Path

log = logging.getLogger("otp_publisher.broker")


class Certificate:
    """A server's TLS context; connections made after `reload` get the new certificate."""

    def __init__(self, certfile: str, keyfile: str | None) -> None:
        self._certfile, self._keyfile = certfile, keyfile
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(certfile, keyfile)
        self._seen = self._state()

    def reload(self) -> None:
        try:
            state = self._state()
            if state == self._seen:
                return
            # Tried on another context first: half a renewal must not break the one in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certfile, self._keyfile)
            self.context.load_cert_chain(self._certfile, self._keyfile)
        except (OSError, ssl.SSLError) as error:
            log.error("cannot load the certificate again: %s", error)
            return
        self._seen = state
        log.info("the certificate was loaded again")

    def _state(self) -> tuple[int, ...]:
        return tuple(Path(name).stat().st_mtime_ns for name in (self._certfile, self._keyfile) if name)
