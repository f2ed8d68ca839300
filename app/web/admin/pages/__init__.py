"""All pages: each module has a list of its routes."""

from __future__ import annotations

from app.web.admin.pages import (
    about,
    account,
    blocklist,
    card,
    clock,
    connect,
    desk,
    figures,
    gate,
    home,
    inbox,
    messages,
    modem,
    modems,
    network,
    otp,
    power,
    records,
    routing,
    section,
    start,
    status,
    system,
    ussd,
)

ROUTES = tuple(
    route
    for module in (
        gate,
        start,
        home,
        messages,
        inbox,
        desk,
        otp,
        modems,
        modem,
        ussd,
        routing,
        blocklist,
        connect,
        figures,
        network,
        system,
        about,
        clock,
        power,
        card,
        status,
        records,
        account,
        section,
    )
    for route in module.routes
)
