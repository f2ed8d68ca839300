"""The addresses of the admin: each with its method, its handler and who may come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PUBLIC = "public"
VIEWER = "viewer"
OPERATOR = "operator"
ADMINISTRATOR = "administrator"
_RANK = {PUBLIC: 0, VIEWER: 1, OPERATOR: 2, ADMINISTRATOR: 3}

Handler = Callable[..., Any]


def may(role: str, needs: str) -> bool:
    """Whether a role is enough."""
    return _RANK.get(role, 0) >= _RANK[needs]


@dataclass(frozen=True)
class Route:
    """path: ``/modems/<item>``, where a name in angle brackets stands for one part of the path.

    needs: the role. quiet: asked for by a page itself and not by its reader, so it keeps no session alive.
    body: octets the handler takes of a form. place: which of the eight places is marked as open.
    """

    method: str
    path: str
    handler: Handler
    needs: str = ADMINISTRATOR
    quiet: bool = False
    body: int = 64 * 1024
    place: str = ""


class Table:
    """All routes; a path that is there for another method only is told apart from one that is not there."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._plain: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        for route in self.routes:
            self._methods(route.path)[route.method] = route

    def find(self, path: str) -> tuple[Mapping[str, Route], Mapping[str, str]]:
        """The routes of a path by method, and what stands in its places; no routes where there is nothing."""
        plain = self._plain.get(path, {})
        for pattern, methods in self._patterns:
            if match := pattern.fullmatch(path):
                # A path written out counts before one with places: /start/modems before /start/<step>.
                return {**methods, **plain}, match.groupdict()
        return plain, {}

    def _methods(self, path: str) -> dict[str, Route]:
        if "<" not in path:
            return self._plain.setdefault(path, {})
        text = re.sub(r"<(\w+)>", r"(?P<\1>[^/]{1,200})", path)
        for pattern, methods in self._patterns:
            if pattern.pattern == text:
                return methods
        self._patterns.append((re.compile(text), {}))
        return self._patterns[-1][1]
