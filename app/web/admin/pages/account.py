"""One's own account: password, authenticator app, and the sessions that are open."""

from __future__ import annotations

from typing import cast

from bottle import HTTPResponse

from app.settings.general import General
from app.settings.parse import from_form
from app.settings.passwords import verify_password
from app.settings.problems import Problem
from app.settings.users import User
from app.web.admin import forms, qr, totp
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit

OWN = ("name", "phone_number", "email")


def account(
    visit: Visit, problems: tuple[Problem, ...] = (), why: str = "", status: int = 200
) -> HTTPResponse:
    assert visit.session is not None
    given = visit.form if problems else None
    return visit.page(
        "account.html",
        status,
        fields=forms.fields(User, visit.user, problems, given, only=OWN),
        sessions=visit.door.sessions.of(visit.session.item),
        now=visit.house.clock.steady(),
        wall=visit.house.clock.wall(),
        why=why,
    )


def save(visit: Visit) -> HTTPResponse:
    given = {name: visit.form[name] for name in OWN if name in visit.form}
    checked = from_form(User, {name: texts[-1] for name, texts in given.items()}, visit.user, whole=False)
    if checked.value is None:
        return account(visit, checked.problems, status=422)
    return _keep(visit, checked.value, "account.changed", visit.t("Saved."))


def password(visit: Visit) -> HTTPResponse:
    """A new password ends all other sessions of this user."""
    assert visit.session is not None and visit.user is not None
    if not verify_password(visit.user.password, visit.text("old")):
        visit.note("refused", "the old password was wrong")
        return account(visit, why=visit.t("The old password is wrong."), status=422)
    given = {"password": [visit.text("password")], "username": [visit.user.username]}
    checked = forms.checked(User, given, visit.user, visit.session.item, whole=False)
    problem = next((one.sentence for one in checked.problems), "")
    if checked.value is None or not visit.text("password"):
        return account(visit, why=visit.t(problem or "a new password must be given"), status=422)
    return _keep(
        visit, cast(User, checked.value), "password.changed", visit.t("The new password is in force.")
    )


def _keep(visit: Visit, user: User, what: str, notice: str) -> HTTPResponse:
    assert visit.session is not None
    visit.house.store.put(User, visit.session.item, user)
    visit.session.mark = user.password
    visit.user = user
    visit.note(what)
    return visit.go("/account", notice)


def authenticator(visit: Visit, why: str = "", status: int = 200) -> HTTPResponse:
    """A new key to take into an app; it counts once a code made with it was typed in."""
    assert visit.user is not None
    key = visit.text("key") if visit.request.method == "POST" else totp.new_key()
    address = totp.address(key, visit.user.username, visit.house.store.one(General).device_name)
    return visit.page("authenticator.html", status, key=key, picture=qr.drawn(address), why=why)


def set_authenticator(visit: Visit) -> HTTPResponse:
    assert visit.user is not None
    key = visit.text("key")
    checked = from_form(User, {"totp_key": key}, visit.user, whole=False)
    if checked.value is None or not key:
        return visit.go("/account/authenticator")
    if totp.period_of(key, visit.text("code"), visit.house.clock.wall()) is None:
        return authenticator(visit, visit.t("That is not the code the app shows now."), 422)
    return _keep(
        visit, checked.value, "authenticator.set", visit.t("From now on signing in asks for a code.")
    )


def drop_authenticator(visit: Visit) -> HTTPResponse:
    assert visit.user is not None
    if not verify_password(visit.user.password, visit.text("old")):
        return account(visit, why=visit.t("The old password is wrong."), status=422)
    without = visit.user.model_copy(update={"totp_key": ""})
    return _keep(visit, without, "authenticator.dropped", visit.t("Signing in asks for the password alone."))


def end_session(visit: Visit, handle: str) -> HTTPResponse:
    assert visit.session is not None
    for session in visit.door.sessions.of(visit.session.item):
        if session.handle == handle:
            visit.door.sessions.end(session)
            visit.note("session.ended", session.address)
    return visit.go("/account")


routes = [
    Route("GET", "/account", account, VIEWER, place="system"),
    Route("POST", "/account", save, VIEWER, place="system"),
    Route("POST", "/account/password", password, VIEWER, place="system"),
    Route("GET", "/account/authenticator", authenticator, VIEWER, place="system"),
    Route("POST", "/account/authenticator", set_authenticator, VIEWER, place="system"),
    Route("POST", "/account/authenticator/drop", drop_authenticator, VIEWER, place="system"),
    Route("POST", "/account/sessions/<handle>", end_session, VIEWER, place="system"),
]
