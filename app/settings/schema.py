"""The JSON schema of all settings files together, for editors and provisioning tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.settings.option import Option
from app.settings.section import Section
from app.settings.sections import SECTIONS


def schema(sections: Iterable[type[Section]] = SECTIONS) -> dict[str, Any]:
    """JSON Schema 2020-12: section → its fields, or for a collection item id → fields."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OTP-Pi settings",
        "type": "object",
        "properties": {section.about.name: _section(section) for section in sections},
        "additionalProperties": False,
    }


def _section(section: type[Section]) -> dict[str, Any]:
    about = section.about
    fields = section.model_json_schema()
    fields["title"] = about.title
    if about.help:
        fields["description"] = about.help
    fields["properties"] = {
        name: _field(section.options[name], declared) for name, declared in fields["properties"].items()
    }
    if about.many:
        return {"title": about.title, "type": "object", "additionalProperties": fields}
    return fields


def _field(option: Option, declared: dict[str, Any]) -> dict[str, Any]:
    field = {key: value for key, value in declared.items() if key != "option"}
    if option.unit:
        field["x-unit"] = option.unit
    if option.secret:
        field["writeOnly"] = True
    if option.choices and option.kind != "list":
        field["enum"] = list(option.choices)
    if option.kind in ("text", "list"):
        field["maxLength" if option.kind == "text" else "maxItems"] = option.longest
    return field
