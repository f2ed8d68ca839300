"""One certificate from an ACME authority (RFC 8555) by a proof in the DNS, with the library acme."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dns.exception
import dns.resolver
import josepy.errors
import josepy.jwk
import requests
from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.ddns.base import Proofs, Stop, Trouble
from app.ddns.http import Unreachable
from app.settings.ddns import Acme, DdnsRecord
from app.settings.keypair import KeyPair, Unusable, read
from app.store.atomic import write_secret

# For the authority to look at the proof, and to sign.
_VERDICT = timedelta(seconds=120)
_LOOK_AGAIN = 5.0

Shown = Callable[
    [str, str, str], bool
]  # zone, name of the TXT record, its text → whether all name servers show it


class Refused(Trouble):
    """The authority gave no certificate; the text is a sentence with its words."""


class Authority:
    """Asks for certificates with an account of its own, whose key is kept in ``folder``.

    shown: whether the name servers show a proof; verify: True, or the file of another authority to trust.
    """

    def __init__(
        self,
        settings: Acme,
        folder: Path,
        shown: Shown,
        stopping: threading.Event,
        verify: bool | str = True,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._shown = shown
        self._stopping = stopping
        self._verify = verify

    def issue(self, record: DdnsRecord, proofs: Proofs) -> KeyPair:
        """A certificate for the record's name. Takes minutes. Raises Trouble or Unreachable."""
        if not self._settings.agree:
            raise Stop("agree to the terms of the certificate authority first")
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            octets = self._order(record, proofs, _request(key, record.fqdn))
            return read(octets + _pem(key))
        except messages.Error as error:
            raise Refused(f"the authority refused: {_words(error)}") from error
        except errors.ValidationError as error:
            raise Refused(f"the authority did not accept the proof: {_why(error)}") from error
        except errors.TimeoutError as error:
            raise Refused("the authority did not decide in time") from error
        except (errors.Error, josepy.errors.Error) as error:
            raise Refused(f"the authority's answers are not understood: {type(error).__name__}") from error
        except Unusable as error:
            raise Refused(f"the authority sent no usable certificate: {error}") from error
        except (requests.RequestException, ValueError) as error:
            # acme 4 makes a ValueError of a refused connection, acme 5 lets the library's own through.
            raise Unreachable(
                f"{self._settings.directory} cannot be reached, or its certificate is not trusted"
            ) from error

    def _order(self, record: DdnsRecord, proofs: Proofs, request: bytes) -> bytes:
        account_key = josepy.jwk.JWKRSA(key=self._account_key())
        talk = self._signed_in(account_key)
        order = talk.new_order(request)
        with contextlib.ExitStack() as proof:
            for authorization in order.authorizations:
                if authorization.body.status == messages.STATUS_VALID:
                    continue
                challenge = _dns_challenge(authorization)
                response, text = challenge.response_and_validation(account_key)
                name = challenge.chall.validation_domain_name(authorization.body.identifier.value)
                proof.enter_context(self._put(record, proofs, name, text))
                talk.answer_challenge(challenge, response)
            finished = talk.poll_and_finalize(order, datetime.now() + _VERDICT)
        return str(finished.fullchain_pem).encode()

    @contextlib.contextmanager
    def _put(self, record: DdnsRecord, proofs: Proofs, name: str, text: str) -> Iterator[None]:
        """The proof in the DNS, for as long as it takes; shown by the name servers when this begins."""
        handle = proofs.put_proof(record, name, text)
        try:
            waited = 0.0
            while waited < self._settings.propagation and not self._shown(record.zone_name, name, text):
                if self._stopping.wait(_LOOK_AGAIN):
                    raise Refused("the service is stopping")
                waited += _LOOK_AGAIN
            yield
        finally:
            # A proof that stays does no harm, and the next one has another text.
            with contextlib.suppress(Trouble, Unreachable):
                proofs.remove_proof(record, handle)

    def _signed_in(self, key: josepy.jwk.JWKRSA) -> client.ClientV2:
        net = client.ClientNetwork(key, user_agent="OTP-Pi/1", timeout=30)
        net.verify_ssl = self._verify  # type: ignore[assignment]
        directory = client.ClientV2.get_directory(self._settings.directory, net)
        talk = client.ClientV2(directory, net)
        wanted = messages.NewRegistration.from_data(
            email=self._settings.email or None, terms_of_service_agreed=True
        )
        try:
            talk.new_account(wanted)
        except errors.ConflictError as known:
            # RFC 8555 §7.3.1: the account exists, and where it is.
            net.account = messages.RegistrationResource(uri=known.location, body=messages.Registration())
        return talk

    def _account_key(self) -> rsa.RSAPrivateKey:
        file = self._folder / "account.key"
        if file.exists():
            key = serialization.load_pem_private_key(file.read_bytes(), None)
            if isinstance(key, rsa.RSAPrivateKey):
                return key
        fresh = rsa.generate_private_key(65537, 2048)
        write_secret(file, _pem(fresh))
        return fresh


def shown_by_name_servers(
    zone: str, name: str, text: str, resolver: dns.resolver.Resolver | None = None
) -> bool:
    """Whether every name server of the zone has the proof; caches on the way would hide it."""
    try:
        usual = resolver or dns.resolver.Resolver()
        servers = [
            address.to_text()
            for server in usual.resolve(zone, "NS", lifetime=10)
            for address in usual.resolve(server.target, "A", lifetime=10)
        ]
        for server in servers:
            itself = dns.resolver.Resolver(configure=False)
            itself.nameservers, itself.port = [server], usual.port
            texts = [b"".join(one.strings).decode() for one in itself.resolve(name, "TXT", lifetime=10)]
            if text not in texts:
                return False
    except dns.exception.DNSException:
        return False
    return bool(servers)


def _dns_challenge(authorization: messages.AuthorizationResource) -> messages.ChallengeBody:
    for one in authorization.body.challenges:
        if isinstance(one.chall, challenges.DNS01):
            return one
    raise Refused("the authority takes no proof by DNS for this name")


def _request(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _words(error: messages.Error) -> str:
    kind = (error.typ or "").rpartition(":")[2]
    return f"{error.detail or 'no reason given'} ({kind})"[:300]


def _why(error: errors.ValidationError) -> str:
    for authorization in error.failed_authzrs:
        for challenge in authorization.body.challenges:
            if challenge.error is not None:
                return _words(challenge.error)
    return "no reason given"
