"""Checks that need more than one section: no two listeners share a port, no address is lent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.settings.network import nobody_gets_an_address, own_address_in_a_range
from app.settings.problems import Problem
from app.settings.section import Around, cautions
from app.settings.snapshot import Settings

#: Ports that the device itself listens on, whatever the settings say.
RESERVED = {
    (8888, "tcp"): "the admin pages",
    (8443, "tcp"): "the admin pages (HTTPS)",
    (53, "tcp"): "the name server",
    (53, "udp"): "the name server",
    (67, "udp"): "the DHCP server",
}


def shared_ports(settings: Settings) -> Iterable[Problem]:
    """Every listener that wants a port which is taken."""
    owners = dict(RESERVED)
    for item, section in settings.pieces():
        for listener in section.listeners():
            place = Problem(section.about.name, item, listener.field, "").where
            owner = owners.setdefault((listener.port, listener.protocol), place)
            if owner != place:
                sentence = f"port {listener.port} is already taken by {owner}"
                yield Problem(section.about.name, item, listener.field, sentence)


CHECKS: tuple[Callable[[Settings], Iterable[Problem]], ...] = (shared_ports, own_address_in_a_range)


def cross_problems(settings: Settings) -> list[Problem]:
    """Everything the sections may not say together."""
    return [problem for check in CHECKS for problem in check(settings)]


#: What sections together are allowed to say, but their owner should know.
CAUTIONS: tuple[Callable[[Settings], Iterable[Problem]], ...] = (nobody_gets_an_address,)


def cross_cautions(settings: Settings, section: str = "") -> list[Problem]:
    """What sections together do not do as their owner hopes; section: only what this one's page tells."""
    found = [problem for check in CAUTIONS for problem in check(settings)]
    return [problem for problem in found if section in ("", problem.section)]


def all_cautions(settings: Settings, around: Around) -> list[Problem]:
    """Everything that is allowed but its owner should know."""
    own = [problem for item, section in settings.pieces() for problem in cautions(section, around, item)]
    return own + cross_cautions(settings)
