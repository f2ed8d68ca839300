"""One field of a section: how it is declared, and how forms, manual and parser see it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.settings.problems import Wrong

Kind = Literal["switch", "number", "text", "choice", "list"]

#: Length of a text, and number of entries of a list, unless declared otherwise.
TEXT_LIMIT = 255
LIST_LIMIT = 200

_ON = frozenset({"true", "on", "yes", "1", "y", "t", "enabled"})
_OFF = frozenset({"false", "off", "no", "0", "n", "f", "disabled", ""})
_LINE_BREAKS = frozenset("\n\r\t")


def option(
    default: object,
    label: str,
    *,
    help: str = "",
    unit: str = "",
    secret: bool = False,
    hashed: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    longest: int = TEXT_LIMIT,
    multiline: bool = False,
    choices: Mapping[Any, str] | None = None,
) -> Any:
    """Declare a field of a section; `default=...` means that it must be given.

    unit: what a number counts ("ms", "s"), shown after it.
    secret: never shown again; forms say only whether it is set, an empty form field keeps it.
    hashed: a password of which only the hash is stored (implies secret).
    minimum, maximum: limits of a number, both allowed.
    longest: characters of a text, or entries of a list.
    multiline: the text may hold line breaks (certificates); everywhere else they are refused, because
        settings end up in AT commands, mail headers and configuration files.
    choices: value → label; nothing else is accepted.
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "secret": secret or hashed,
        "hashed": hashed,
        "longest": longest,
        "multiline": multiline,
        "choices": [[value, text] for value, text in (choices or {}).items()],
    }
    return Field(
        default,
        title=label,
        description=help or None,
        ge=minimum,
        le=maximum,
        repr=not (secret or hashed),
        json_schema_extra={"option": extra},
    )


@dataclass(frozen=True)
class Option:
    """A declared field as everything outside the engine sees it."""

    name: str
    kind: Kind
    label: str
    help: str
    unit: str
    default: object
    required: bool
    secret: bool
    hashed: bool
    minimum: float | None
    maximum: float | None
    longest: int
    multiline: bool
    choices: Mapping[Any, str]

    @property
    def limits(self) -> str:
        """The numbers allowed, in words: "1 to 65535"; "" when there is no limit."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} to {self.maximum:g}" if self.maximum < 1e6 else _plain_limits(self)
        if self.minimum is not None:
            return f"{self.minimum:g} or more"
        return f"at most {self.maximum:g}" if self.maximum is not None else ""

    def tidied(self, value: object) -> object:
        """The value in the form its type wants, from a file, a form or the command line.

        Raises Wrong with a predicate that does not hold the value.
        """
        if value is None:
            raise Wrong("is not a value: leave the field out to get its default")
        if self.kind == "list":
            return self._list(value)
        if self.choices:
            return self._choice(value)
        if self.kind == "switch":
            return _switch(value)
        if self.kind == "number":
            return _number(value)
        return self._text(value)

    def _list(self, value: object) -> list[object]:
        if isinstance(value, str):
            value = value.replace("\n", ",").split(",")
        if not isinstance(value, list | tuple):
            raise Wrong("is not a list")
        entries = [self._text(entry) for entry in value]
        entries = [entry for entry in entries if entry]
        if len(entries) > self.longest:
            raise Wrong(f"has more than {self.longest} entries")
        return [self._choice(entry) for entry in entries] if self.choices else list(entries)

    def _choice(self, value: object) -> object:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise Wrong(f"is not one of {self.choice_words}")
        wanted = str(value).strip().casefold()
        for allowed, text in self.choices.items():
            if wanted in (str(allowed).casefold(), text.casefold()) or value == allowed:
                return allowed
        raise Wrong(f"is not one of {self.choice_words}")

    @property
    def choice_words(self) -> str:
        """The values allowed: "never, 6, 12"; for numbers with a name of their own that name too."""
        return ", ".join(str(value) for value in self.choices)

    def _text(self, value: object) -> str:
        # 62 may be written without quotes in a file; a float may not: 0.10 would become 0.1.
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Wrong("is not a text")
        try:
            text = str(value)
        except ValueError:
            raise Wrong("is too long") from None
        if not self.secret and not self.multiline:
            text = text.strip()
        if self.kind != "list" and len(text) > self.longest:
            raise Wrong(f"is longer than {self.longest} characters")
        if self.kind == "list" and len(text) > TEXT_LIMIT:
            raise Wrong(f"is longer than {TEXT_LIMIT} characters")
        if text.isprintable():  # nearly always: no need to look at each character
            return text
        for character in text:
            if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and not (
                self.multiline and character in _LINE_BREAKS
            ):
                raise Wrong("holds a line break or a control character")
        return text


def option_of(name: str, field: FieldInfo) -> Option:
    """The view of one pydantic field that was declared with `option`."""
    extra = field.json_schema_extra
    declared: Any = extra.get("option") if isinstance(extra, dict) else None
    if not isinstance(declared, dict):
        raise TypeError(f"the field {name} is not declared with option(...)")
    required = field.default is PydanticUndefined
    return Option(
        name=name,
        kind=_kind(field.annotation, bool(declared["choices"])),
        label=field.title or name,
        help=field.description or "",
        unit=declared["unit"],
        default=None if required else field.default,
        required=required,
        secret=declared["secret"],
        hashed=declared["hashed"],
        minimum=_limit(field, "ge"),
        maximum=_limit(field, "le"),
        longest=min(declared["longest"], LIST_LIMIT)
        if get_origin(field.annotation) is tuple
        else declared["longest"],
        multiline=declared["multiline"],
        choices=dict(declared["choices"]),
    )


def _kind(annotation: object, has_choices: bool) -> Kind:
    if get_origin(annotation) is tuple:
        return "list"
    if has_choices or get_origin(annotation) is Literal:
        return "choice"
    if annotation is bool:
        return "switch"
    if annotation in (int, float):
        return "number"
    if annotation is str:
        return "text"
    raise TypeError(f"a section cannot hold a field of type {annotation} {get_args(annotation)}")


def _limit(field: FieldInfo, name: str) -> float | None:
    found: list[float] = [
        getattr(mark, name) for mark in field.metadata if getattr(mark, name, None) is not None
    ]
    if not found:
        return None
    return max(found) if name == "ge" else min(found)


def _plain_limits(option: Option) -> str:
    return f"{option.minimum or 0:.0f} to {option.maximum or 0:.0f}"


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else str(value) if value in (0, 1) else "?"
    if word in _ON:
        return True
    if word in _OFF:
        return False
    raise Wrong("is neither on nor off")


def _number(value: object) -> int | float:
    if isinstance(value, bool):
        raise Wrong("is not a number")
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if value.is_integer():  # false for infinities and NaN
            return int(value)
        raise Wrong("is not a whole number")
    text = value.strip() if isinstance(value, str) else ""
    digits = text.removeprefix("-").removeprefix("+")
    # str.isdigit() also takes "²"; a number of more than 18 digits is no setting of ours.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise Wrong("is not a whole number" if text else "must be given")
    return int(text)
