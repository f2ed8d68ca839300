"""All pages: each module has a list of its routes."""

from __future__ import annotations

from app.web.admin.pages import (
    account,
    blocklist,
    card,
    clock,
    connect,
    gate,
    home,
    messages,
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
)

ROUTES = tuple(
    route
    for module in (
        gate,
        start,
        home,
        messages,
        otp,
        modems,
        routing,
        blocklist,
        connect,
        network,
        system,
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
