"""Cloudflare: zones and records by its API v4 (developers.cloudflare.com/api)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from app.ddns.base import Done, Later, Stop, Trouble, credential, not_understood, said
from app.ddns.http import Answer, Http
from app.settings.ddns import Cloudflare, DdnsRecord

# Twelve hundred requests in five minutes are allowed; whoever exceeds them is shut out for the next five.
_SHUT_OUT = 300.0
_FAULT = 60.0
_AUTOMATIC = 1
_SHORTEST_TTL = 60

# What the API's codes ask of the device's owner.
STOP = {
    6003: "Cloudflare refused the request's headers: check token, key and e-mail",
    6100: "Cloudflare takes the e-mail for none: check it",
    6103: "Cloudflare takes the API key for none: check it, or use a token",
    6111: "Cloudflare takes the token for none: copy it again",
    7003: "Cloudflare does not know the zone: check zone, account id and endpoint",
    9103: "Cloudflare does not know this e-mail with this API key: check both",
    9106: "Cloudflare misses a token, or the e-mail with its API key",
    9109: "Cloudflare does not accept the token: it ended, was withdrawn, or is for other addresses",
    10000: "Cloudflare refused the token or key: it needs Zone:Read and DNS:Edit for the zone",
    9000: "Cloudflare takes the record name for none: correct it",
    9005: "Cloudflare takes the address for none of the record's type",
    9021: "Cloudflare refused the TTL: 60 to 86400 s, or 1",
    1049: "Cloudflare says that the zone is not a registered domain",
    1061: "the zone exists at Cloudflare already, in another account: check the account id",
    1068: "Cloudflare does not let this account use the zone",
    1097: "Cloudflare cannot take the zone: it is banned or reserved",
    1118: "the account at Cloudflare has too many zones that wait for their name servers",
    81053: "another record of that name is in the way at Cloudflare: an A, AAAA or CNAME record",
    81054: "a CNAME record of that name is in the way at Cloudflare: remove it there",
    81056: "the zone at Cloudflare holds as many records as it may",
}
LATER = {971: "Cloudflare was asked too often", 10429: "Cloudflare was asked too often"}
_IDENTICAL = {81057, 81058}


class CloudflareVendor:
    def __init__(self, account: Cloudflare, http: Http) -> None:
        self._account = account
        self._http = http

    def update(self, record: DdnsRecord, address: str) -> Done:
        zone, servers = self._zone(record)
        query = urlencode({"type": record.type, "name": record.fqdn})
        present = self._list(f"/zones/{zone}/dns_records?{query}")
        proxied = record.proxied
        wanted = {
            "type": record.type,
            "name": record.fqdn,
            "content": address,
            # Behind the proxy Cloudflare chooses (documented for the field ttl).
            "ttl": _AUTOMATIC if proxied or record.ttl == _AUTOMATIC else max(record.ttl, _SHORTEST_TTL),
            "proxied": proxied,
        }
        if not present:
            self._change("POST", f"/zones/{zone}/dns_records", wanted)
            return Done(True, _noted(f"Cloudflare made {record.fqdn}", servers))
        if len(present) > 1:
            raise Stop(
                f"{record.fqdn} has {len(present)} {record.type} records at Cloudflare: leave one there"
            )
        if all(present[0].get(name) == value for name, value in wanted.items()):
            return Done(False, _noted("Cloudflare had the address already", servers))
        self._change("PATCH", f"/zones/{zone}/dns_records/{quote(_id(present[0]))}", wanted)
        return Done(True, _noted(f"Cloudflare set {record.fqdn}", servers))

    def put_proof(self, record: DdnsRecord, name: str, text: str) -> str:
        zone, _ = self._zone(record)
        body = {"type": "TXT", "name": name, "content": f'"{text}"', "ttl": _SHORTEST_TTL}
        try:
            made = self._ask("POST", f"/zones/{zone}/dns_records", body)
        except _Identical:
            return ""  # left from a try that was cut off; it proves as well
        return f"{zone}/dns_records/{_id(made)}"

    def remove_proof(self, record: DdnsRecord, handle: str) -> None:
        if handle:
            self._ask("DELETE", f"/zones/{handle}")

    def _zone(self, record: DdnsRecord) -> tuple[str, list[str]]:
        """The id of the record's zone, and the name servers its registrar does not name yet."""
        fields = {"name": record.zone_name}
        if self._account.account_id:
            fields["account.id"] = self._account.account_id
        found = self._list(f"/zones?{urlencode(fields)}")
        if found:
            zone = found[0]
        elif not record.force_create_zone:
            raise Stop(
                f"the zone {record.zone} is not in the account at Cloudflare, or the token may not see it"
            )
        else:
            zone = self._make_zone(fields["name"])
        waits = zone.get("status") == "pending"
        return _id(zone), list(map(str, zone.get("name_servers") or [])) if waits else []

    def _make_zone(self, name: str) -> dict[str, Any]:
        if not self._account.account_id:
            raise Stop("to make a zone Cloudflare needs the account id")
        body = {"name": name, "account": {"id": self._account.account_id}, "type": "full"}
        made = self._ask("POST", "/zones", body)
        if not isinstance(made, dict):
            raise not_understood("Cloudflare")
        return made

    def _list(self, path: str) -> list[dict[str, Any]]:
        found = self._ask("GET", path)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise not_understood("Cloudflare")
        return found

    def _change(self, method: str, path: str, wanted: dict[str, Any]) -> None:
        try:
            self._ask(method, path, wanted)
        except _Identical:
            pass

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """The ``result`` of an answer. Raises Trouble or Unreachable."""
        account = self._account
        if account.token:
            headers = {"Authorization": f"Bearer {credential(account.token, 'Token')}"}
        else:
            headers = {
                "X-Auth-Email": credential(account.email, "E-mail"),
                "X-Auth-Key": credential(account.api_key, "API key"),
            }
        headers |= {"Accept": "application/json", "User-Agent": "OTP-Pi/1"}
        answer = self._http.ask(method, account.endpoint.rstrip("/") + path, headers, body)
        found = answer.json()
        if answer.status < 300 and found.get("success") is True:
            return found.get("result")
        raise _trouble(answer, found)


def _id(found: Any) -> str:
    """Of a zone or record. Raises Later: without it the wrong thing would be changed."""
    name = found.get("id") if isinstance(found, dict) else None
    if not isinstance(name, str) or not name:
        raise not_understood("Cloudflare")
    return name


def _noted(words: str, servers: list[str]) -> str:
    """The words, and what the zone's owner must still do."""
    if not servers:
        return words
    return f"{words}; the zone waits until its registrar names {', '.join(servers)}"


class _Identical(Trouble):
    """The record is there already, just so."""


def _trouble(answer: Answer, found: dict[str, Any]) -> Trouble:
    errors = [one for one in found.get("errors") or [] if isinstance(one, dict)]
    # The particular cause may stand one level deeper than "invalid request headers".
    chained = [one for error in errors for one in error.get("error_chain") or [] if isinstance(one, dict)]
    codes = [one.get("code") for one in (*chained, *errors)]
    if answer.status == 429 or any(code in LATER for code in codes):
        return Later("Cloudflare was asked too often", answer.retry_after or _SHUT_OUT)
    for code in codes:
        if code in _IDENTICAL:
            return _Identical("the record is there already")
        if code in STOP:
            return Stop(STOP[code])
    message = "; ".join(f"{one.get('message')} ({one.get('code')})" for one in errors)[:200] or said(answer)
    if answer.status >= 500 or not found:
        return Later(f"Cloudflare has a fault: {message}", answer.retry_after or _FAULT)
    if answer.status in (401, 403):
        return Stop(f"Cloudflare refused the token or key: {message}")
    return Stop(f"Cloudflare refused the record: {message}")
