"""TLS with verification: the system's authorities or an own file; trust without proof only when told so."""

import ssl
from dataclasses import dataclass

from .errors import ConfigError


@dataclass(frozen=True)
class Tls:
    """How to trust the other side. Files are PEM."""

    ca_file: str = ""
    verify: bool = True
    cert_file: str = ""
    key_file: str = ""

    def context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if not self.verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file or None)
        except (OSError, ssl.SSLError) as error:
            name = self.cert_file or self.ca_file
            raise ConfigError(f"cannot use the certificate file {name!r}: {error}") from error
        return context

    def authorities(self) -> str:
        """The file with the trusted authorities, for libraries that take a path instead of a context."""
        found = self.ca_file or ssl.get_default_verify_paths().cafile or _openssl_cafile()
        if not found:
            raise ConfigError("this system has no file of trusted authorities; set ca_file")
        return found


def _openssl_cafile() -> str:
    paths = ssl.get_default_verify_paths()
    return paths.openssl_cafile
