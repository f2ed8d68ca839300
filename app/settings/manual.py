"""The manual page of all settings, made from their declarations; run as a module it prints the page."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from app.settings.dump import shown
from app.settings.option import Option
from app.settings.section import Section
from app.settings.sections import SECTIONS

_HEAD = """# Settings

Every option of the device. This page is made from the declarations in `app/settings/` by
`scripts/settings-manual`; do not edit it.

On the device's command line: `sudo otppi show SECTION`, `sudo otppi set SECTION name=value …`, and for a
collection `sudo otppi set SECTION/ITEM name=value …`, `sudo otppi delete SECTION/ITEM` (`python3 -m app …` in
the source's folder). A change takes effect within a second when the service runs. Lists are written with
commas, switches as `true` or `false` (also `on`/`off`, `yes`/`no`, `1`/`0`). Secrets are never shown again:
`show` says only whether one is set.
"""


def manual(sections: Iterable[type[Section]] = SECTIONS) -> str:
    """The page in Markdown."""
    return _HEAD + "".join(_chapter(section) for section in sections)


def _chapter(section: type[Section]) -> str:
    about = section.about
    lines = [f"\n## {about.title} (`{about.name}`)\n"]
    notes = [about.help]
    if about.many:
        notes.append(f"A collection: any number of items, told apart by `{about.key}`.")
    if about.reset:
        notes.append(f"Reset by `{about.reset}` on the reset stick.")
    if any(notes):
        lines.append(" ".join(note for note in notes if note) + "\n")
    lines += ["| option | what it is | values | default |", "|---|---|---|---|"]
    lines += [
        f"| `{option.name}` | {_cell(_what(option))} | {_cell(_values(option))} | {_default(option)} |"
        for option in section.options.values()
    ]
    return "\n".join(lines) + "\n"


def _what(option: Option) -> str:
    return f"{option.label}. {option.help}" if option.help else option.label


def _values(option: Option) -> str:
    if option.choices:
        words = ", ".join(
            str(value) if str(value) == text else f"{shown(option, value)} ({text})"
            for value, text in option.choices.items()
        )
        return f"any of {words}" if option.kind == "list" else words
    if option.kind == "number":
        return " ".join(filter(None, ["number,", option.limits, option.unit])) if option.limits else "number"
    if option.kind == "switch":
        return "true or false"
    kind = "list" if option.kind == "list" else "password" if option.hashed else "text"
    return f"{kind}, secret" if option.secret else kind


def _default(option: Option) -> str:
    if option.required:
        return "must be given"
    if option.secret:
        return "unset"
    text = shown(option, option.default)
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(manual())
