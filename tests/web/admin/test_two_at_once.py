"""Two people at one setting: what the slower one did not see stays as the quicker one made it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from app.settings import backup
from app.settings.api import Api, ApiUser
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.network import FirewallRule
from app.settings.problems import Refused
from app.settings.store import SettingsStore
from app.settings.users import User
from app.web.admin import forms, keeping
from tests.web.admin.site import HASH, PASSWORD, Client, Site, eventually, user
from tests.web.admin.test_pages import fields_of, pairs

Fresh = Callable[..., Site]
OTHER = "five blue cows"


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen while the next password is being hashed."""

    def during(act: Callable[[], object]) -> None:
        def slow(password: str) -> str:
            act()
            return hashed(password)

        hashed = forms.hash_password
        monkeypatch.setattr(forms, "hash_password", slow)

    return during


def test_a_form_of_an_item_that_somebody_else_changed_is_not_saved(fresh: Fresh) -> None:
    site = fresh(modems=0)
    ann = Client(site).sign_in()
    fields = fields_of(ann.get("/settings/users/item/vera").text)
    site.store.put(User, "vera", user("vera", "viewer", blocked=True))
    page = ann.post("/settings/users/item/vera", pairs({**fields, "name": ["Vera"]}))
    assert page.status == 409
    assert "changed by somebody else" in page.words
    now = site.store.items(User)["vera"]
    assert (now.blocked, now.name) == (True, "")
    # Another item of the section may change as it likes.
    fields = fields_of(ann.get("/settings/users/item/vera").text)
    site.store.put(User, "oscar", user("oscar", "viewer"))
    assert ann.post("/settings/users/item/vera", pairs({**fields, "name": ["Vera"]})).status == 303
    assert site.store.items(User)["vera"].name == "Vera"
    assert site.store.items(User)["oscar"].role == "viewer"


def test_a_form_tells_nothing_of_the_secrets_it_goes_by(fresh: Fresh) -> None:
    """With a plain digest in the page a PIN of four digits could be tried out."""
    first, second = fresh(modems=0), None
    ann = Client(first).sign_in()
    marks = [fields_of(ann.get("/settings/users/item/vera").text)["form-revision"][0] for _ in range(2)]
    assert marks[0] == marks[1]
    first.close()
    second = fresh(modems=0)
    ann = Client(second).sign_in()
    assert fields_of(ann.get("/settings/users/item/vera").text)["form-revision"][0] != marks[0]


def test_a_block_set_while_a_new_password_is_hashed_stays(fresh: Fresh, meanwhile: Any) -> None:
    site = fresh(modems=0)
    vera = Client(site).sign_in("vera")
    meanwhile(lambda: site.store.put(User, "vera", user("vera", "viewer", blocked=True)))
    vera.post("/account/password", {"old": PASSWORD, "password": OTHER})
    assert site.store.items(User)["vera"].blocked


def test_a_user_deleted_while_a_new_password_is_hashed_does_not_come_back(
    fresh: Fresh, meanwhile: Any
) -> None:
    site = fresh(modems=0)
    vera = Client(site).sign_in("vera")
    meanwhile(lambda: site.store.remove(User, "vera"))
    assert vera.post("/account/password", {"old": PASSWORD, "password": OTHER}).status == 409
    assert "vera" not in site.store.items(User)


def test_a_demotion_while_a_recovered_password_is_hashed_stays(fresh: Fresh, meanwhile: Any) -> None:
    site = fresh(modems=0)
    code = site.door.people.recovery.draw("oscar", "127.0.0.1")
    meanwhile(lambda: site.store.put(User, "oscar", user("oscar", "viewer")))
    given = {"username": "oscar", "code": code, "password": OTHER}
    assert Client(site).post("/forgot/code", given).status == 200
    now = site.store.items(User)["oscar"]
    assert (now.role, now.password != HASH) == ("viewer", True)


def test_a_user_deleted_while_a_recovered_password_is_hashed_is_as_one_who_never_was(
    fresh: Fresh, meanwhile: Any
) -> None:
    site = fresh(modems=0)
    code = site.door.people.recovery.draw("oscar", "127.0.0.1")
    meanwhile(lambda: site.store.remove(User, "oscar"))
    page = Client(site).post("/forgot/code", {"username": "oscar", "code": code, "password": OTHER})
    assert (page.status, "the code is wrong or has expired" in page.words) == (403, True)
    assert "oscar" not in site.store.items(User)


def test_a_password_of_ones_own_gives_way_to_one_that_an_administrator_set(
    fresh: Fresh, meanwhile: Any
) -> None:
    site = fresh(modems=0)
    vera = Client(site).sign_in("vera")
    set_by_ann = forms.hash_password("six red hens")
    changed = user("vera", "viewer").model_copy(update={"password": set_by_ann})
    meanwhile(lambda: site.store.put(User, "vera", changed))
    assert vera.post("/account/password", {"old": PASSWORD, "password": OTHER}).status == 409
    assert site.store.items(User)["vera"].password == set_by_ann


def test_two_administrators_cannot_put_each_other_out(fresh: Fresh) -> None:
    """Each change leaves one when it is made up; only the second, when it is written, does not."""
    site = fresh(modems=0)
    house = site.door.house
    site.store.put(User, "bob", user("bob", "administrator"))
    blocked = lambda now: now.model_copy(update={"blocked": True})  # noqa: E731
    keeping.amend(house, User, "ann", blocked)
    with pytest.raises(Refused, match="an administrator who can sign in must be left"):
        keeping.amend(house, User, "bob", blocked)


def test_an_item_that_is_gone_is_not_made_again(fresh: Fresh) -> None:
    site = fresh(modems=1)
    ann = Client(site).sign_in()
    house = site.door.house
    fields = fields_of(ann.get("/settings/modems/item/sim1").text)
    site.store.remove(Modem, "sim1")
    assert ann.post("/settings/modems/item/sim1", pairs(fields)).status == 404
    with pytest.raises(Refused, match="there is no such item"):
        keeping.amend(house, Modem, "sim1", lambda now: now.model_copy(update={"sim_pin": "1234"}))
    with pytest.raises(Refused, match="there is no such item"):
        keeping.amend(house, FirewallRule, "no-such", lambda _: None)


def test_of_general_only_what_the_page_shows_is_written(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody sets the number of digits between the reading and the writing of the clock's page."""
    site = fresh(modems=0)
    ann = Client(site).sign_in()
    change, quicker = SettingsStore.change, [True]

    def overtaken(store: SettingsStore, section: Any, *more: Any) -> str:
        if section is General and quicker.pop():
            quicker.append(False)
            now = store.one(General)
            change(store, General, lambda _: now.model_copy(update={"otp_digits": 8}))
        return change(store, section, *more)

    monkeypatch.setattr(SettingsStore, "change", overtaken)
    page = ann.post("/system/time", {"device_time_zone": "Asia/Makassar"})
    assert page.status == 303, page.words
    now = site.store.one(General)
    assert (now.device_time_zone, now.otp_digits) == ("Asia/Makassar", 8)


def test_a_restore_that_would_lock_everybody_out_is_refused(fresh: Fresh) -> None:
    site = fresh(modems=0)
    ann = Client(site).sign_in()
    loaded = site.store.load()
    users = {"ann": user("ann", "administrator", active=False), "vera": user("vera", "viewer")}
    content = backup.document(
        site.store,
        loaded.__class__(
            loaded.settings.replaced(User, users), loaded.problems, loaded.warnings, loaded.revisions, ()
        ),
        time.time(),
    )
    for path in ("/system/restore/plan", "/system/restore"):
        page = ann.upload(path, "file", content)
        assert (page.status, "an administrator who can sign in must be left" in page.words) == (422, True)
    assert site.store.items(User)["ann"].active


# The first run.


def test_a_modem_that_was_detected_is_added_with_all_that_was_found(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fresh(modems=0)
    ann = Client(site).sign_in()
    modems = site.door.house.modems
    monkeypatch.setattr(modems, "ports", lambda: [("sim://slow", "a modem")])
    found = {"baud_rate": "9600", "model": "SIM800C", "manufacturer": "SIMCOM", "imei": "867584030000001"}
    monkeypatch.setattr(modems, "detect", lambda port: found)
    for item in ("SIM800C", "SIM800C-2"):
        assert ann.post("/start/modems", {"port": "sim://slow"}).status == 303
        made = site.store.items(Modem)[item]
        assert (made.name, made.port, made.baud_rate) == (item, "sim://slow", 9600)
        assert (made.imei, made.manufacturer) == ("867584030000001", "SIMCOM")
        assert made.default_modem == (item == "SIM800C")
        site.store.put(Modem, item, made.model_copy(update={"port": f"sim://{item}", "imei": ""}))


def test_the_line_to_copy_goes_to_a_door_that_is_open(fresh: Fresh) -> None:
    site = fresh(modems=0)
    ann = Client(site).sign_in()
    site.store.save(Api, Api(enable_http=False, enable_https=True, https_port=10444))
    page = ann.post("/start/api", {"username": "kasir"})
    assert "https://127.0.0.1:10444/api/message" in page.words
    assert site.store.items(ApiUser)["kasir"].active
    assert ann.post("/start/api", {"username": "KASIR"}).location == "/start/api"  # one name twice
    eventually(lambda: "is already taken" in ann.get("/start/api").words)
