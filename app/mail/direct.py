"""The mail exchangers of a domain, for mail that goes out without an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.core.errors import BadRequest
from app.mail.account import Account, Tls
from app.mail.letter import in_ascii
from app.mail.session import AccountFault, LetterFault

if TYPE_CHECKING:
    import dns.resolver

WARNING = (
    "There is no mail account: mail goes straight to the recipient's server. Mail from an address without a "
    "name of its own is often refused or taken for spam; better add an account."
)
_MOST = 4  # exchangers tried for one mail


class MailExchangers:
    """Asks the name servers (RFC 5321 §5.1). port: 25 everywhere but in tests; seconds: for an answer."""

    def __init__(
        self, resolver: dns.resolver.Resolver | None = None, port: int = 25, seconds: float = 10.0
    ) -> None:
        self._resolver = resolver
        self._port = port
        self._seconds = seconds

    def __call__(self, domain: str) -> list[Account]:
        """Best first. Raises LetterFault when the domain takes no mail, AccountFault when nobody answers."""
        # Loaded by the first mail that goes without an account, which on most devices never comes.
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            name = in_ascii(domain)
            dns.name.from_text(name)
        except (BadRequest, dns.exception.DNSException):
            raise LetterFault(f"the domain {domain} is not a domain name", True) from None
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            answer = resolver.resolve(name, "MX", lifetime=self._seconds)
        except dns.resolver.NXDOMAIN:
            raise LetterFault(f"the domain {domain} does not exist", True) from None
        except dns.resolver.NoAnswer:
            return [self._account(name)]  # the domain itself is the exchanger
        except dns.exception.DNSException as error:
            raise AccountFault(f"the mail server of {domain} was not found: {type(error).__name__}") from None
        ranked = sorted(
            (record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer
        )
        hosts = [host for _, host in ranked if host not in ("", ".")]
        if not hosts:  # RFC 7505
            raise LetterFault(f"the domain {domain} takes no mail", True)
        return [self._account(host) for host in hosts[:_MOST]]

    def _account(self, host: str) -> Account:
        return Account(
            id="direct", name=f"direct to {host}", host=host, port=self._port, sender="", tls=Tls.IF_OFFERED
        )
