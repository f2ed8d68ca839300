"""Forms from the declared sections: what a page needs to draw each field, and what came back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.settings.dump import plain
from app.settings.option import Option
from app.settings.parse import from_form
from app.settings.passwords import hash_password, weakness
from app.settings.problems import Problem, Wrong
from app.settings.section import Checked, Section

Form = Mapping[str, Sequence[str]]
S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Field:
    """One field as drawn. value: text of an input; values: the entries of a list; is_set: of a secret."""

    option: Option
    value: str
    values: tuple[str, ...]
    on: bool
    is_set: bool
    error: str

    @property
    def rows(self) -> int:
        return min(max(len(self.values) + 1, 3), 12)


def fields(
    section: type[Section],
    current: Section | None,
    problems: Sequence[Problem] = (),
    given: Form | None = None,
    only: Sequence[str] = (),
) -> list[Field]:
    """The fields of a section: as they are, or as they were just given and refused.

    only: these fields, in this order, instead of all.
    """
    wrong: dict[str, str] = {}
    for problem in problems:
        wrong.setdefault(problem.field, problem.sentence)
    now = plain(current) if current is not None else {}
    return [
        _field(section.options[name], now, wrong.get(name, ""), given) for name in only or section.options
    ]


def _field(option: Option, now: Mapping[str, object], error: str, given: Form | None) -> Field:
    value = now.get(option.name, None if option.required else option.default)
    is_set = option.secret and bool(now.get(option.name))
    if option.secret:
        value = None
    elif given is not None:
        value = _as_given(option, given)
    values = tuple(str(entry) for entry in value) if isinstance(value, list | tuple) else ()
    text = "" if value is None or option.kind in ("switch", "list") else _text(value)
    return Field(option, text, values, value is True, is_set, error)


def _as_given(option: Option, given: Form) -> object:
    texts = given.get(option.name, ())
    if option.kind == "switch":
        return bool(texts) and texts[-1] in ("on", "true")
    if option.kind == "list":
        return [line for text in texts for line in text.splitlines()]
    return texts[-1] if texts else None


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def checked(
    section: type[S], given: Form, current: S | None, item: str = "", whole: bool = True
) -> Checked[S]:
    """What came back, checked by the section. A box named ``clear.FIELD`` empties a secret.

    whole: the form showed every field, so that a box that did not come back is not ticked.
    """
    clear = [name for name in section.options if given.get(f"clear.{name}")]
    form = {
        name: _plain(section.options[name], texts) for name, texts in given.items() if name in section.options
    }
    name = (given.get("username") or ("",))[-1]
    return from_form(section, form, current, item, clear=clear, whole=whole, hasher=careful(name))


def _plain(option: Option, texts: Sequence[str]) -> str | Sequence[str]:
    if option.kind == "list" and not option.choices:
        return "\n".join(texts)  # entries stand on lines or between commas, as on the command line
    if option.kind == "list" or not texts:
        return [line for text in texts for line in text.splitlines()]
    return texts[-1].replace("\r\n", "\n") if option.multiline else texts[-1]


def as_text(octets: bytes) -> str:
    """What an uploaded file puts into a field: a text as it is (PEM), anything else in base64."""
    try:
        text = octets.decode("ascii")
    except ValueError:
        text = ""
    return text if text and "\0" not in text else base64.b64encode(octets).decode("ascii")


def careful(username: str = "") -> Callable[[str], str]:
    """A hasher that refuses what is guessed first."""

    def hasher(password: str) -> str:
        if why := weakness(password, username):
            raise Wrong(why.removeprefix("the password "))
        return hash_password(password)

    return hasher
