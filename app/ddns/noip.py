"""No-IP: nic/update with both kinds of address in myip (www.noip.com/integrate/request)."""

from __future__ import annotations

from app.ddns.base import Done, agent
from app.ddns.http import Http
from app.ddns.nic import HALF_AN_HOUR, update
from app.settings.ddns import DdnsRecord, NoIp


class NoIpVendor:
    def __init__(self, account: NoIp, http: Http) -> None:
        self._account = account
        self._http = http

    def update(self, record: DdnsRecord, address: str) -> Done:
        account = self._account
        return update(
            self._http,
            "No-IP",
            account.endpoint,
            {"hostname": record.fqdn, "myip": address},
            account.username,
            account.password,
            agent(account.company_name, account.maintainer_email),
            HALF_AN_HOUR,
        )
