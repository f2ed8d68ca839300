"""Dynu: nic/update, or the API v2 with its records (www.dynu.com/Support/API)."""

from __future__ import annotations

from typing import Any

from app.ddns.base import (
    TEN_MINUTES,
    Done,
    Later,
    Stop,
    agent,
    credential,
    is_ipv6,
    not_understood,
    said,
)
from app.ddns.http import Answer, Http
from app.ddns.nic import update
from app.settings.ddns import DdnsRecord, Dynu

_NAME = "Dynu"


class DynuVendor:
    def __init__(self, account: Dynu, http: Http) -> None:
        self._account = account
        self._http = http
        self._agent = agent(account.company_name, account.maintainer_email)

    def update(self, record: DdnsRecord, address: str) -> Done:
        if self._account.api_version == "nic":
            return self._by_nic(record, address)
        domain, node = self._root(record)
        if node:
            return self._node(record, domain, node, address)
        return self._domain(record, domain, address)

    def put_proof(self, record: DdnsRecord, name: str, text: str) -> str:
        domain, _ = self._root(record)
        node = name.removesuffix("." + record.zone_name)
        body = {
            "nodeName": node,
            "recordType": "TXT",
            "ttl": 60,
            "state": True,
            "group": "",
            "textData": text,
        }
        made = self._ask("POST", f"/v2/dns/{domain}/record", body)
        return f"{domain}/record/{_id(made)}"

    def remove_proof(self, record: DdnsRecord, handle: str) -> None:
        self._ask("DELETE", f"/v2/dns/{handle}")

    def _by_nic(self, record: DdnsRecord, address: str) -> Done:
        account = self._account
        # "no" leaves the other kind of address as it is.
        v6 = is_ipv6(address)
        fields = {
            "hostname": record.fqdn,
            "myip": "no" if v6 else address,
            "myipv6": address if v6 else "no",
        }
        return update(
            self._http,
            _NAME,
            f"{account.endpoint.rstrip('/')}/nic/update",
            fields,
            account.username,
            account.password,
            self._agent,
            TEN_MINUTES,
        )

    def _root(self, record: DdnsRecord) -> tuple[int, str]:
        """The id of the domain a name belongs to, and the name's part before it."""
        try:
            found = self._ask("GET", f"/v2/dns/getroot/{record.fqdn}")
        except _Missing:
            if not record.force_create_zone:
                raise Stop(
                    f"the domain {record.zone} is not in the account at Dynu: add it there, or let it be made"
                ) from None
            self._ask("POST", "/v2/dns", {"name": record.zone_name})
            found = self._ask("GET", f"/v2/dns/getroot/{record.fqdn}")
        return _id(found), str(found.get("node") or "")

    def _domain(self, record: DdnsRecord, domain: int, address: str) -> Done:
        now = self._ask("GET", f"/v2/dns/{domain}")
        field, switch = ("ipv6Address", "ipv6") if is_ipv6(address) else ("ipv4Address", "ipv4")
        if now.get(field) == address and now.get("ttl") == record.ttl and now.get(switch):
            return Done(False, "Dynu had the address already")
        kept = (
            "name", "group", "ipv4Address", "ipv6Address", "ttl", "ipv4", "ipv6",
            "ipv4WildcardAlias", "ipv6WildcardAlias",
        )  # fmt: skip
        body = {name: now[name] for name in kept if now.get(name) is not None}
        self._ask("POST", f"/v2/dns/{domain}", body | {field: address, switch: True, "ttl": record.ttl})
        return Done(True, f"Dynu set {record.fqdn}")

    def _node(self, record: DdnsRecord, domain: int, node: str, address: str) -> Done:
        field = "ipv6Address" if is_ipv6(address) else "ipv4Address"
        listed = self._ask("GET", f"/v2/dns/record/{record.fqdn}?recordType={record.type}")
        present = listed.get("dnsRecords")
        if not isinstance(present, list) or not all(isinstance(one, dict) for one in present):
            raise not_understood(_NAME)
        body = {
            "nodeName": node, "recordType": record.type, "ttl": record.ttl, "state": True,
            "group": "", field: address,
        }  # fmt: skip
        if not present:
            self._ask("POST", f"/v2/dns/{domain}/record", body)
            return Done(True, f"Dynu made {record.fqdn}")
        first = present[0]
        if first.get(field) == address and first.get("ttl") == record.ttl and first.get("state"):
            return Done(False, "Dynu had the address already")
        self._ask("POST", f"/v2/dns/{domain}/record/{_id(first)}", body)
        return Done(True, f"Dynu set {record.fqdn}")

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        key = credential(self._account.api_key, "API key")
        headers = {"API-Key": key, "Accept": "application/json", "User-Agent": self._agent}
        answer = self._http.ask(method, self._account.endpoint.rstrip("/") + path, headers, body)
        found = answer.json()
        status = found.get("statusCode", answer.status)
        if not isinstance(status, int):
            raise not_understood(_NAME)
        if answer.status < 300 and status == 200:
            return found
        raise _trouble(answer, status, found)


def _id(found: dict[str, Any]) -> int:
    """The number of a domain or record. Raises Later: without it the wrong thing would be changed."""
    number = found.get("id")
    if not isinstance(number, int) or number <= 0:
        raise not_understood(_NAME)
    return number


class _Missing(Stop):
    """What was asked for is not there."""


def _trouble(answer: Answer, status: int, found: dict[str, Any]) -> Stop | Later:
    """Dynu's exceptions by their status code: 401 and 403 to 5xx, with its own message behind."""
    message = str(found.get("message") or said(answer))[:200]
    match status:
        case 401 | 403:
            return Stop(f"Dynu refused the API key: {message}")
        case 404:
            return _Missing(f"Dynu does not know that: {message}")
        case 429:
            return Later("Dynu was asked too often", answer.retry_after or TEN_MINUTES)
        case 400 | 422 | 501:
            # Argument, validation and parse exceptions: the same again would end the same way.
            return Stop(f"Dynu refused the record: {message}")
        case _:
            return Later(f"Dynu has a fault: {message}", answer.retry_after or TEN_MINUTES)
