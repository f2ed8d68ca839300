"""The certificate of the HTTPS listener: a given one, or one the device signs itself at first start."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.clock import BUILT
from app.settings.files import write_whole

DAY = 86400.0
LIFETIME = 820 * DAY  # some clients refuse more than 825 days
RENEW_BEFORE = 30 * DAY
_HEAD = "Made by this device. Ends "


def load(pem: Path, key: Path | None = None, password: str | None = None) -> ssl.SSLContext:
    """A server's context, TLS 1.2 or newer, from PEM files; without ``key`` it is in the same file.

    Raises OSError or ssl.SSLError (which is one) when they cannot be read or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # Without a function OpenSSL would ask for the password on the terminal.
    context.load_cert_chain(pem, key, password=lambda: password or "")
    return context


def self_signed(
    pem: Path, names: Sequence[str], now: float, passing: Callable[[], Sequence[str]] = tuple
) -> bool:
    """Have a certificate and key in ``pem`` (mode 0600) that name the device and last 30 days at least.

    names: host names and addresses, the first one leads; now: Unix seconds.
    passing: addresses that a new one names too, while no new one is made because of them: they are given
    by somebody else's router, and clients that trust this certificate must not lose it with each of them.
    Returns whether a new one was made. Raises OSError when it cannot be made or written.
    """
    if not names:
        raise ValueError("a certificate needs a name")
    if _still_good(pem, names, now):
        return False
    # A clock that was never set would make a certificate that is not valid yet once it is.
    begin = min(now, BUILT) - DAY
    end = max(now, BUILT) + LIFETIME
    names = list(dict.fromkeys((*names, *passing())))
    label = f"{_HEAD}{int(end)} for {' '.join(names)}\n"
    write_whole(pem, label.encode("utf-8") + _make_apart(names, begin, end))
    return True


def _make_apart(names: Sequence[str], begin: float, end: float) -> bytes:
    """By a process of its own: the library it takes would stay in ours, 13 MB for once in two years."""
    command = [sys.executable, "-m", __name__, str(begin), str(end), *names]
    project = Path(__file__).parents[2]
    try:
        made = subprocess.run(command, capture_output=True, cwd=project, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        raise OSError("the certificate could not be made within a minute") from None
    if made.returncode != 0:
        last = made.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise OSError(f"the certificate could not be made: {last}")
    return made.stdout


def _still_good(pem: Path, names: Sequence[str], now: float) -> bool:
    """By the line of ours above the certificate: to parse the certificate itself takes a large library."""
    try:
        with pem.open(encoding="utf-8") as file:
            label = file.readline()
        load(pem)
    except (OSError, UnicodeDecodeError):
        return False
    end, _, covered = label.removeprefix(_HEAD).strip().partition(" for ")
    if not label.startswith(_HEAD) or not end.isdigit():
        return False
    return now < int(end) - RENEW_BEFORE and set(names) <= set(covered.split(" "))


def _make(names: Sequence[str], begin: float, end: float) -> bytes:
    """Key and certificate in PEM, EC P-256, good for a server only (RFC 5280)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    alternatives: list[x509.GeneralName] = []
    for one in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(one)))
        except ValueError:
            alternatives.append(x509.DNSName(one.encode("idna").decode("ascii")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_date(begin))
        .not_valid_after(_date(end))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        # A leaf that a client may also be given as its own root, which is how a self-signed one is trusted.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _date(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)


if __name__ == "__main__":
    sys.stdout.buffer.write(_make(sys.argv[3:], float(sys.argv[1]), float(sys.argv[2])))
