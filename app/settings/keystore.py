"""Section keystore: certificates with their keys; the first active one serves HTTPS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Section

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
    key: str = option(
        "", "Key", multiline=True, longest=LONGEST, secret=True, help="PEM; empty when the file above has it."
    )
    password: str = option("", "Password", secret=True, help="Of the key or the file, if it has one.")
    active: bool = option(True, "Active")

    def conflicts(self) -> Iterable[Finding]:
        from app.settings.certificates import Unreadable, opened

        try:
            opened(self.certificate, self.key, self.password)
        except Unreadable as error:
            yield Finding(("certificate", "key", "password"), str(error))
