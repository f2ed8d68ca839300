"""Free DNS Afraid: the list of records with their update addresses, or one record's own token (v2)."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode, urlsplit

from app.ddns.base import TEN_MINUTES, Done, Later, Stop, agent, is_ipv6, said
from app.ddns.http import Answer, Http
from app.settings.ddns import Afraid, DdnsRecord


class AfraidVendor:
    def __init__(self, account: Afraid, http: Http) -> None:
        self._account = account
        self._http = http
        self._headers = {"User-Agent": agent(account.company_name, account.maintainer_email)}

    def update(self, record: DdnsRecord, address: str) -> Done:
        if not self._account.username:
            return self._by_token(record, address)
        now, url = self._find(record, address)
        if now == address:
            return Done(False, "Afraid had the address already")
        if urlsplit(url).hostname != urlsplit(self._account.endpoint).hostname:
            raise Stop("Afraid names an update address on another host: check the endpoint")
        joint = "&" if "?" in url else "?"
        return self._understood(
            self._http.ask("GET", f"{url}{joint}address={address}", self._headers), record
        )

    def _find(self, record: DdnsRecord, address: str) -> tuple[str, str]:
        """The record's present address and where to update it: ``host|address|url`` a line."""
        account = self._account
        proof = hashlib.sha1(f"{account.username.lower()}|{account.password}".encode()).hexdigest()
        query = urlencode({"action": "getdyndns", "v": "2", "sha": proof})
        answer = self._http.ask("GET", f"{account.endpoint.rstrip('/')}/api/?{query}", self._headers)
        if answer.status != 200 or answer.text.upper().startswith("ERROR"):
            self._understood(answer, record)
        for line in answer.text.splitlines():
            name, _, rest = line.strip().partition("|")
            now, _, url = rest.partition("|")
            if name.lower() == record.fqdn and (":" in now) == is_ipv6(address):
                return now, url
        raise Stop(f"{record.fqdn} has no {record.type} record in the account at Afraid: make it there first")

    def _by_token(self, record: DdnsRecord, address: str) -> Done:
        account = self._account
        base = account.sync_endpoint_v6 if is_ipv6(address) else account.sync_endpoint
        url = f"{base.rstrip('/')}/u/{account.password}/?{urlencode({'address': address})}"
        return self._understood(self._http.ask("GET", url, self._headers), record)

    def _understood(self, answer: Answer, record: DdnsRecord) -> Done:
        """What Afraid's sentences mean; it has no codes."""
        # A page may repeat the address that was asked for, and with it the token.
        words = said(answer).replace(self._account.password, "***")
        lower = words.lower()
        if answer.status == 200 and lower.startswith("updated"):
            return Done(True, f"Afraid set {record.fqdn}")
        if answer.status == 200 and ("has not changed" in lower or lower.startswith("no ip change")):
            return Done(False, "Afraid had the address already")
        if "authenticate" in lower or answer.status in (401, 403):
            raise Stop("Afraid refused the user name or the password: correct them")
        if "unable to locate" in lower or "invalid update url" in lower or answer.status == 404:
            raise Stop("Afraid does not know this record or token: copy the token again from its page")
        if answer.status == 429 or "too many" in lower or "abuse" in lower:
            raise Later("Afraid was asked too often", answer.retry_after or TEN_MINUTES)
        if answer.status >= 500:
            raise Later(f"Afraid has a fault (HTTP {answer.status})", answer.retry_after or TEN_MINUTES)
        raise Later(f"Afraid gave an answer that is not understood: {words}", TEN_MINUTES)
