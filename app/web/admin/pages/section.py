"""Every section of the settings as a page: one form, or a collection with what can be done to its items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.settings.cross import cross_cautions
from app.settings.dump import Change, differences
from app.settings.modems import Modem
from app.settings.problems import ChangedMeanwhile, Problem, Refused
from app.settings.section import Section, cautions
from app.settings.sections import by_name
from app.settings.snapshot import Value
from app.settings.users import User
from app.web.admin import forms, keeping
from app.web.admin.house import Note, Told
from app.web.admin.places import PLACES, Place, place_of
from app.web.admin.routes import Route
from app.web.admin.visit import Visit

FORM = 512 * 1024
NEW = ""
# What can be done to an item without its form: the switch it turns, and to what.
TURNS = {
    "activate": ("active", True),
    "deactivate": ("active", False),
    "block": ("blocked", True),
    "unblock": ("blocked", False),
}
# Sections that have a page made for them.
ELSEWHERE = {"blocking": "/blocklist"}


def _section(visit: Visit, name: str) -> type[Section] | None:
    section = by_name(name)
    if section is not None:
        visit.place = place_of(section)
    return section


def _items(visit: Visit, section: type[Section]) -> Mapping[str, Section]:
    return visit.house.store.items(section)


def show(visit: Visit, name: str) -> HTTPResponse:
    section = _section(visit, name)
    if section is None:
        return _missing(visit)
    if name in ELSEWHERE:
        return visit.go(ELSEWHERE[name])
    if section.about.many:
        return visit.page(
            "collection.html",
            section=section,
            items=_items(visit, section),
            turns=_turns(section),
            notes=_notes(visit, section),
            on_trial=keeping.on_trial(visit.house, section),
            up=_up(section),
        )
    return _form(visit, section)


def _notes(visit: Visit, section: type[Section]) -> Sequence[Note]:
    tell = visit.house.notes.get(section.about.name)
    return tell() if tell is not None else ()


def _up(section: type[Section]) -> Place:
    return next(place for place in PLACES if place.name == place_of(section))


def _turns(section: type[Section]) -> list[tuple[str, str, bool]]:
    return [(verb, field, to) for verb, (field, to) in TURNS.items() if field in section.options]


def _form(
    visit: Visit,
    section: type[Section],
    item: str = NEW,
    problems: Sequence[Problem] = (),
    status: int = 200,
    filled: Mapping[str, Sequence[str]] | None = None,
) -> HTTPResponse:
    """The form as things are; after a refusal (``problems``) or a Detect (``filled``) as it was given."""
    current = _items(visit, section).get(item) if section.about.many else visit.house.store.one(section)
    given = visit.form if problems else filled
    told = cautions(current, visit.house.store.around, item) if current is not None and not problems else []
    told += cross_cautions(visit.house.store.load().settings, section.about.name) if not problems else []
    return visit.page(
        "section.html",
        status,
        section=section,
        item=item,
        new=section.about.many and current is None,
        fields=forms.fields(section, current, problems, given),
        general=[one.sentence for one in problems if one.field not in section.options],
        warnings=told,
        revision=_mark(visit, current),
        actions=visit.house.actions.get(section.about.name, ()),
        notes=[one for one in _notes(visit, section) if not item or one.about in ("", item)],
        on_trial=keeping.on_trial(visit.house, section),
        up=_up(section),
    )


def new(visit: Visit, name: str) -> HTTPResponse:
    """An empty form, or one filled in by the address, as Detect does."""
    section = _section(visit, name)
    if section is None or not section.about.many:
        return _missing(visit)
    given = {field: [visit.asked(field)] for field in section.options if visit.asked(field)}
    if not given:
        return _form(visit, section)
    switches = {
        n: ["on"] for n, option in section.options.items() if option.kind == "switch" and option.default
    }
    plain = {
        n: [str(o.default)]
        for n, o in section.options.items()
        if o.kind in ("text", "number", "choice") and not o.required
    }
    return _form(visit, section, filled={**plain, **switches, **given})


def edit(visit: Visit, name: str, item: str) -> HTTPResponse:
    section = _section(visit, name)
    if section is None or not section.about.many or item not in _items(visit, section):
        return _missing(visit)
    return _form(visit, section, item)


def save(visit: Visit, name: str, item: str = NEW) -> HTTPResponse:
    """Check and write one section or item; what is wrong comes back at its field."""
    section = _section(visit, name)
    if section is None or section.about.many != bool(item) or (item and item not in _items(visit, section)):
        return _missing(visit)
    current = _items(visit, section)[item] if item else visit.house.store.one(section)
    return _saved(visit, section, current, item)


def add(visit: Visit, name: str) -> HTTPResponse:
    section = _section(visit, name)
    if section is None or not section.about.many:
        return _missing(visit)
    return _saved(visit, section, None, NEW)


def _saved(visit: Visit, section: type[Section], current: Section | None, item: str) -> HTTPResponse:
    checked = forms.checked(section, _given(visit, section), current, item)
    if checked.value is None:
        return _form(visit, section, item, checked.problems, 422)
    place = f"/settings/{section.about.name}"
    try:
        told = _write(visit, section, current, checked.value, item)
    except Refused as error:
        return _form(visit, section, item, error.problems, 422)
    except ChangedMeanwhile as error:
        return _form(visit, section, item, [Problem(section.about.name, item, "", str(error))], 409)
    visit.note("settings.changed", told or section.about.name)
    _keep_own_session(visit, section, item)
    notice = visit.t("Saved.") if told else visit.t("Nothing is different.")
    return visit.go(keeping.after(visit.house, section, place) if told else place, notice)


def _given(visit: Visit, section: type[Section]) -> Mapping[str, Sequence[str]]:
    """The form; a file chosen for a field counts before what was typed into it."""
    files = {
        name: octets
        for name, option in section.options.items()
        if option.multiline and (octets := visit.upload(f"file.{name}"))
    }
    return {**visit.form, **{name: [forms.as_text(octets)] for name, octets in files.items()}}


def _write(visit: Visit, section: type[Section], current: Section | None, value: Section, item: str) -> str:
    """Write what the form changed, and tell what that was for the audit, secrets masked."""
    told: list[Change] = []
    fields, mark = keeping.different(current, value), visit.text("form-revision")

    def put(now: Section) -> Section:
        if mark and mark != _mark(visit, now):
            raise ChangedMeanwhile(section.about.name)
        new = now.model_copy(update=fields)
        told.extend(differences(section, _alone(section, item, now), _alone(section, item, new)))
        return new

    if section.about.many and not item:
        name = str(getattr(value, section.about.key)) if section.about.key else section.about.name
        made = keeping.add(visit.house, section, name, lambda _: value)
        told += differences(section, {}, {made: value})
    else:
        keeping.amend(visit.house, section, item, put)
    return "; ".join(str(change) for change in told)


def _alone(section: type[Section], item: str, value: Section) -> Value:
    return {item: value} if section.about.many else value


def _mark(visit: Visit, value: Section | None) -> str:
    """Tells a section or item as a form shows it from what somebody else made of it; "" for a new one."""
    return visit.door.tokens.mark(value.model_dump_json()) if value is not None else ""


def _keep_own_session(visit: Visit, section: type[Section], item: str) -> None:
    """A new password ends sessions, but not that of the one who sets it."""
    if section is User and visit.session is not None and item == visit.session.item:
        visit.session.mark = visit.house.store.items(User)[item].password


def turn(visit: Visit, name: str, item: str, verb: str) -> HTTPResponse:
    """Activate, deactivate, block or unblock an item."""
    section = _section(visit, name)
    field, to = TURNS.get(verb, ("", False))
    if (
        section is None
        or not section.about.many
        or field not in section.options
        or item not in _items(visit, section)
    ):
        return _missing(visit)
    try:
        keeping.amend(visit.house, section, item, lambda now: now.model_copy(update={field: to}))
    except Refused as error:
        return visit.go(f"/settings/{name}", visit.t(error.problems[0].sentence), "bad")
    visit.note("settings.changed", f"{name}/{item}: {verb}")
    back = "/modems" if section is Modem and visit.text("from") == "modems" else f"/settings/{name}"
    return visit.go(keeping.after(visit.house, section, back), visit.t("Done."))


def ask_delete(visit: Visit, name: str, item: str) -> HTTPResponse:
    section = _section(visit, name)
    if section is None or not section.about.many or item not in _items(visit, section):
        return _missing(visit)
    return visit.page("delete.html", section=section, item=item)


def delete(visit: Visit, name: str, item: str) -> HTTPResponse:
    section = _section(visit, name)
    if section is None or not section.about.many or item not in _items(visit, section):
        return _missing(visit)
    try:
        keeping.amend(visit.house, section, item, lambda _: None)
    except Refused as error:
        return visit.go(f"/settings/{name}", visit.t(error.problems[0].sentence), "bad")
    visit.note("settings.changed", f"{name}/{item} removed")
    told = visit.t("%(item)s was deleted.", item=item)
    return visit.go(keeping.after(visit.house, section, f"/settings/{name}"), told)


def act(visit: Visit, name: str, action: str) -> HTTPResponse:
    """A section's own button, such as *Test*."""
    section, item = _section(visit, name), visit.text("item")
    wanted = next((one for one in visit.house.actions.get(name, ()) if one.name == action), None)
    if section is None or wanted is None:
        return _missing(visit)
    if section.about.many and item not in _items(visit, section):
        return _missing(visit)
    back = f"/settings/{name}/item/{quote(item, safe='')}" if section.about.many else f"/settings/{name}"
    with visit.door.waiting():  # it may take seconds: others are served meanwhile
        try:
            told = wanted.run(item, {key: texts[-1] for key, texts in visit.form.items()})
        except GatewayError as error:
            told = Told(False, str(error))
    visit.note(f"{name}.{action}", item)
    visit.tell(visit.t(told.sentence), "good" if told.worked else "bad", told.lines)
    return visit.go(back)


def _missing(visit: Visit) -> HTTPResponse:
    return visit.nothing()


routes = [
    Route("GET", "/settings/<name>", show),
    Route("POST", "/settings/<name>", save, body=FORM),
    Route("GET", "/settings/<name>/new", new),
    Route("POST", "/settings/<name>/new", add, body=FORM),
    Route("GET", "/settings/<name>/item/<item>", edit),
    Route("POST", "/settings/<name>/item/<item>", save, body=FORM),
    Route("GET", "/settings/<name>/delete/<item>", ask_delete),
    Route("POST", "/settings/<name>/delete/<item>", delete),
    Route("POST", "/settings/<name>/turn/<item>/<verb>", turn),
    Route("POST", "/settings/<name>/act/<action>", act),
]
