"""The nic/update protocol that No-IP, Dynu and others share, and what its words mean."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlencode

from app.ddns.base import Done, Later, Stop, said
from app.ddns.http import Http

# No-IP: "Retry the update no sooner [than] 30 minutes"; Dynu asks for ten.
HALF_AN_HOUR = 1800.0

STOP = {
    "badauth": "{vendor} refused the user name or the password: correct them",
    "nohost": "the name {name} is not in the account at {vendor}: make it there, or correct it here",
    "notfqdn": "{vendor} takes {name} for no full domain name: correct zone and record name",
    "numhost": "{vendor} refused several names at once, or one that leads to several addresses",
    "badagent": "{vendor} no longer serves this program: give company name and maintainer e-mail",
    "!donator": "{vendor} keeps this for paying customers",
    "!donor": "{vendor} keeps this for paying customers",
    "abuse": "{vendor} blocked the account or the name for too many updates: ask {vendor} to free it",
    "unknown": "{vendor} did not understand the request: check the endpoint",
    "badsys": "{vendor} did not understand the request: check the endpoint",
}
LATER = {
    "911": "{vendor} has a fault or is being maintained",
    "dnserr": "the name servers of {vendor} have a fault",
    "servererror": "{vendor} has a fault",
}


def update(
    http: Http,
    vendor: str,
    url: str,
    fields: Mapping[str, str],
    user: str,
    password: str,
    who: str,
    pause: float,
) -> Done:
    """One update. fields: of the query, hostname among them; pause: seconds to wait after a vendor's fault.

    Raises Stop, Later or Unreachable.
    """
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "User-Agent": who}
    answer = http.ask("GET", f"{url}?{urlencode(fields)}", headers)
    words = answer.text.split()
    code = words[0].lower() if words else ""
    told = {"vendor": vendor, "name": fields["hostname"]}
    if code == "good":
        return Done(True, f"{vendor} set {told['name']}")
    if code == "nochg":
        return Done(False, f"{vendor} had the address already")
    if code in STOP:
        raise Stop(STOP[code].format(**told))
    if code in LATER:
        raise Later(LATER[code].format(**told), pause)
    if answer.status == 401:
        raise Stop(STOP["badauth"].format(**told))
    if answer.status == 403:
        raise Stop(f"{vendor} refuses this client: {said(answer)}")
    if answer.status == 429:
        raise Later(f"{vendor} was asked too often", answer.retry_after or pause)
    if answer.status >= 500:
        raise Later(f"{vendor} has a fault (HTTP {answer.status})", answer.retry_after or pause)
    raise Later(f"{vendor} gave an answer that is not understood: {said(answer)}", pause)
