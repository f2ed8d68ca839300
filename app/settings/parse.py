"""Settings as people give them: `key=value` words of a command line, and the fields of a form."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from app.settings.dump import plain
from app.settings.passwords import hash_password
from app.settings.problems import Problem, Wrong, quote
from app.settings.section import Checked, Section, check, quote_name, unknown_option

S = TypeVar("S", bound=Section)


def from_pairs(
    section: type[S],
    pairs: Iterable[str],
    old: S | Mapping[str, object] | None,
    item: str = "",
    hasher: Callable[[str], str] = hash_password,
) -> Checked[S]:
    """A section or item with some fields changed: `http_port=8080 enable_https=off`.

    old: what the other fields keep: as it is in force, as it stands in its file (wrong fields may so be put
    right), or None for a new item. An empty value empties a text or a secret. A password is given as such,
    and hashed here.
    """
    given: dict[str, object] = {}
    problems: list[Problem] = []
    name = section.about.name
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals:
            problems.append(Problem(name, item, "", f"{quote(pair)} is not of the form name=value"))
        elif key not in section.options:
            problems.append(Problem(name, item, quote_name(key), unknown_option(section, key)))
        elif key in given:
            problems.append(Problem(name, item, key, "is given twice"))
        else:
            given[key] = value
    return _merged(section, given, old, item, hasher, problems)


def from_form(
    section: type[S],
    form: Mapping[str, str | Sequence[str]],
    old: S | None,
    item: str = "",
    *,
    clear: Collection[str] = (),
    whole: bool = True,
    hasher: Callable[[str], str] = hash_password,
) -> Checked[S]:
    """A section or item from the fields of a form; names that are no option (tokens, buttons) are skipped.

    form: field → text, or several texts for a list. An empty secret keeps the old one, unless its name is in
    `clear`. whole: the form shows every option, so a switch that did not come back is off and a list that did
    not is empty, as browsers send it.
    """
    given: dict[str, object] = {}
    for name, option in section.options.items():
        value = form.get(name)
        if option.secret:
            text = value if isinstance(value, str) else "".join(value or ())
            if text or name in clear:
                given[name] = "" if name in clear else text
        elif option.kind == "list":
            if value is not None or whole:
                given[name] = value if isinstance(value, str) else list(value or ())
        elif value is not None:
            # A checkbox after a hidden field of the same name sends both: the last one counts.
            given[name] = value if isinstance(value, str) else (value[-1] if value else "")
        elif whole and option.kind == "switch":
            given[name] = False
    return _merged(section, given, old, item, hasher, [])


def _merged(
    section: type[S],
    given: dict[str, object],
    old: S | Mapping[str, object] | None,
    item: str,
    hasher: Callable[[str], str],
    problems: list[Problem],
) -> Checked[S]:
    refused: list[Problem] = []
    for name in [name for name in given if section.options[name].hashed and given[name]]:
        try:
            given[name] = hasher(str(section.options[name].tidied(given[name])))
        except Wrong as error:
            refused.append(Problem(section.about.name, item, name, f"the value given {error}"))
            del given[name]
    kept = plain(old) if isinstance(old, Section) else old or {}
    known = {name: value for name, value in kept.items() if name in section.options}
    for pair in section.twins:
        for one, other in (pair, pair[::-1]):
            if one in given and other not in given:
                known.pop(other, None)
    checked = check(section, {**known, **given}, item)
    problems = [*problems, *refused, *checked.problems]
    return Checked(None if problems else checked.value, tuple(problems))
