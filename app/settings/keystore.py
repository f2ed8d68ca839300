"""Section keystore: certificates with their keys; the first active one serves HTTPS."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from app.settings.checks import PemOrNone
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Section

if TYPE_CHECKING:
    from app.settings.keypair import KeyPair

#: Characters of a chain in PEM, or of a container in base64.
LONGEST = 64 * 1024


class Keystore(Section):
    """One certificate with its key."""

    about: ClassVar[About] = About(
        name="keystore",
        title="Certificates",
        reset="RESET_KEYSTORE",
        many=True,
        key="name",
        help="The first active one serves HTTPS; without one the device uses a certificate it made itself.",
    )

    name: str = option(..., "Name", longest=64)
    certificate: str = option(
        ...,
        "Certificate",
        multiline=True,
        longest=LONGEST,
        secret=True,
        help="PEM with its chain, or a PKCS#12 or JKS file in base64.",
    )
    key: PemOrNone = option(
        "", "Key", multiline=True, longest=LONGEST, secret=True, help="PEM; empty when the file above has it."
    )
    password: str = option("", "Password", secret=True, help="Of the key or the file, if it has one.")
    active: bool = option(True, "Active")

    def conflicts(self) -> Iterable[Finding]:
        try:
            self.pair()
        except ValueError as error:
            yield Finding(("certificate", "key", "password"), str(error))

    def pair(self) -> KeyPair:
        """Certificate and key; raises keypair.Unusable with a sentence without their content."""
        from app.settings import keypair

        if "-----BEGIN " in self.certificate:
            return keypair.read_pem(self.certificate.encode(), self.key.encode(), self.password)
        try:
            octets = base64.b64decode("".join(self.certificate.split()), validate=True)
        except ValueError as error:
            raise keypair.Unusable("the certificate is neither PEM nor a file in base64") from error
        return keypair.read(octets, self.password)
