"""A declared group of options, checked as a whole: the base of every section."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from app.settings.option import Option, option_of
from app.settings.problems import Finding, Problem, Wrong, quote

S = TypeVar("S", bound="Section")
V = TypeVar("V")

_ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True)
class About:
    """What a section is called.

    name: in files, `show` and `set`; title: above its form; reset: its flag on the reset stick, "" if none.
    many: a collection, item id → item; key: the field that tells its items apart (unique, must be given, and
    taken from the item's id when it is left out).
    """

    name: str
    title: str
    reset: str = ""
    help: str = ""
    many: bool = False
    key: str = ""


@dataclass(frozen=True)
class Listener:
    """A port that a section opens when it is in force."""

    field: str
    port: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class Around:
    """What the checks may ask of the machine; passed in, so that a check can run on another one."""

    port_exists: Callable[[str], bool] = field(default=lambda path: True)


class Section(BaseModel):
    """Base of all sections: frozen, every field declared with `option`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    about: ClassVar[About]
    options: ClassVar[Mapping[str, Option]] = {}
    #: Fields that say the same in two ways: where one is given alone, the other one follows.
    twins: ClassVar[tuple[tuple[str, str], ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.options = {name: option_of(name, field) for name, field in cls.model_fields.items()}

    @field_validator("*", mode="before")
    @classmethod
    def _tidy(cls, value: object, info: ValidationInfo) -> object:
        return cls.options[info.field_name or ""].tidied(value)

    def conflicts(self) -> Iterable[Finding]:
        """What two fields of this section may not say together; name all of them in the finding."""
        return ()

    @classmethod
    def clashes(cls, items: Mapping[str, Any]) -> Iterable[Finding]:
        """What two items of a collection may not say together; the finding names the item at fault."""
        return ()

    def cautions(self, around: Around) -> Iterable[Finding]:
        """What is allowed, but its owner should know."""
        return ()

    def listeners(self) -> Iterable[Listener]:
        """The ports that this section opens as it stands."""
        return ()


@dataclass(frozen=True)
class Checked(Generic[V]):
    """The result of a check: `value` is None when a known field is wrong; unknown fields cost nothing."""

    value: V | None
    problems: tuple[Problem, ...]


def check(section: type[S], raw: object, item: str = "") -> Checked[S]:
    """Check one section, or one item of a collection, and tell everything that is wrong with it at once."""
    name = section.about.name
    if not isinstance(raw, dict):
        return Checked(None, (Problem(name, item, "", f"{quote(raw)} is not a group of options"),))
    problems = [
        Problem(name, item, quote_name(key), unknown_option(section, str(key)))
        for key in raw
        if key not in section.options
    ]
    known = {key: value for key, value in raw.items() if key in section.options}
    key = section.about.key
    if item and key and key not in known:
        known[key] = item
    value, wrong = _validated(section, known, item)
    bad = {problem.field for problem in wrong}
    if bad and not any(section.options[field].required for field in bad):
        # The other fields may contradict each other all the same: look at them by themselves.
        value = section.model_validate({key: v for key, v in known.items() if key not in bad})
    if value is not None:
        wrong += [
            Problem(name, item, finding.fields[0], finding.sentence)
            for finding in value.conflicts()
            if not bad.intersection(finding.fields)
        ]
    return Checked(None if wrong else value, tuple(problems + wrong))


def check_many(section: type[S], raw: object) -> Checked[dict[str, S]]:
    """Check a collection: the good items are in `value`, each broken one is told."""
    if not isinstance(raw, dict):
        problem = Problem(section.about.name, "", "", f"{quote(raw)} is not a collection of items")
        return Checked(None, (problem,))
    checked = check_items(section, raw)
    found = clashes(section, checked.value or {})
    return Checked(checked.value, (*checked.problems, *found))


def check_items(section: type[S], raw: Mapping[str, object]) -> Checked[dict[str, S]]:
    """Check items of a collection each by itself, without looking for clashes."""
    name = section.about.name
    problems: list[Problem] = []
    items: dict[str, S] = {}
    for item, fields in raw.items():
        if not _ITEM_ID.fullmatch(item):
            problems.append(Problem(name, "", "", f"{quote(item)} cannot be the id of an item: {ID_RULE}"))
            continue
        checked = check(section, fields, item)
        problems += checked.problems
        if checked.value is not None:
            items[item] = checked.value
    return Checked(items, tuple(problems))


ID_RULE = "letters, digits and . _ @ + - are allowed, at most 64, a letter or a digit first"


def clashes(section: type[S], items: Mapping[str, S]) -> list[Problem]:
    """What the items of a collection may not say together: its key must be unique, and its own rules."""
    name, key = section.about.name, section.about.key
    problems = []
    owner: dict[str, str] = {}
    for item, value in items.items():
        if key:
            word = str(getattr(value, key))
            first = owner.setdefault(word.casefold(), item)
            if first != item:
                problems.append(Problem(name, item, key, f"{quote(word)} is already taken by {name}/{first}"))
    problems += [
        Problem(name, finding.item, finding.fields[0], finding.sentence) for finding in section.clashes(items)
    ]
    return problems


def cautions(value: Section, around: Around, item: str = "") -> list[Problem]:
    """The warnings of one section or item, as problems by field."""
    return [
        Problem(value.about.name, item, finding.fields[0], finding.sentence)
        for finding in value.cautions(around)
    ]


def item_id(name: str, taken: Iterable[str] = ()) -> str:
    """An id for a new item, made from its name: "SIM 1 (blue)" → "SIM-1-blue", then "SIM-1-blue-2"."""
    base = re.sub(r"[^A-Za-z0-9._@+-]+", "-", name).strip("-._@+")[:56] or "item"
    used = set(taken)
    number, candidate = 1, base
    while candidate in used:
        number += 1
        candidate = f"{base}-{number}"
    return candidate


def unknown_option(section: type[Section], name: str) -> str:
    """The sentence about a field that does not exist, with the nearest that does."""
    near = difflib.get_close_matches(name, section.options, n=1, cutoff=0.6)
    hint = f": did you mean {near[0]}?" if near else ""
    return f"there is no such option in {section.about.name}{hint}"


def quote_name(name: object) -> str:
    """A field name as found in a file: bare when it could be one, else quoted and short."""
    return name if isinstance(name, str) and re.fullmatch(r"\w{1,64}", name, re.ASCII) else quote(name)


def _validated(section: type[S], known: Mapping[str, object], item: str) -> tuple[S | None, list[Problem]]:
    try:
        return section.model_validate(known), []
    except ValidationError as error:
        problems = []
        for entry in error.errors(include_url=False):
            field = str(entry["loc"][0])
            sentence = _sentence(section.options[field], entry["type"], entry["input"], entry.get("ctx", {}))
            problems.append(Problem(section.about.name, item, field, sentence))
        return None, problems


def _sentence(option: Option, kind: str, value: object, context: Mapping[str, object]) -> str:
    """A sentence for what pydantic found; the value is part of it unless the option is secret."""
    if kind == "missing":
        return "must be given"
    subject = "the value given" if option.secret else quote(value)
    cause = context.get("error")
    if isinstance(cause, Wrong):
        return str(cause) if str(cause) == "must be given" else f"{subject} {cause}"
    if kind in ("greater_than_equal", "less_than_equal"):
        unit = f" {option.unit}" if option.unit else ""
        return f"{subject} is out of range: {option.limits}{unit}"
    return f"{subject} cannot be used for {option.label}"
