"""What the pages do: settings saved and refused, messages, block list, routing, backup, switches, records."""

from __future__ import annotations

import html
import json
import re
import time
from concurrent.futures import Future

import pytest

from app.core.replies import Reply
from app.settings.api import Api, ApiUser
from app.settings.blocking import BlockedNumber
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.problems import StoreUnusable
from app.settings.section import Section
from app.settings.sections import SECTIONS
from app.store.history import History
from tests.settings.test_every_field import NEEDED, VALUES
from tests.web.admin.site import Client, Site, eventually

SINGLE = [section for section in SECTIONS if not section.about.many]
MANY = [section for section in SECTIONS if section.about.many and section.about.name != "blocking"]


def fields_of(text: str) -> dict[str, list[str]]:
    """What a browser would send back of the page's main form."""
    form = max(re.findall(r"<form.*?</form>", text, re.S), key=len)
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") == "checkbox" and " checked" not in tag:
            continue
        if "name" in attributes:
            value = attributes.get("value", "on" if attributes.get("type") == "checkbox" else "")
            found.setdefault(attributes["name"], []).append(html.unescape(value))
    for name, body in re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', form, re.S):
        found[name] = [html.unescape(body)]
    for tag, body in re.findall(r"<select([^>]*)>(.*?)</select>", form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body) or re.search(r'value="([^"]*)"', body)
        found[re.search(r'name="(\w+)"', tag)[1]] = [html.unescape(chosen[1])]  # type: ignore[index]
    found.pop("csrf-token")
    return found


def pairs(fields: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, values in fields.items() for value in values]


@pytest.mark.parametrize("section", SINGLE, ids=lambda one: one.about.name)
def test_a_form_that_comes_back_as_it_was_changes_nothing(
    site: Site, ann: Client, section: type[Section]
) -> None:
    before = site.store.read(section).value
    path = f"/settings/{section.about.name}"
    assert ann.post(path, pairs(fields_of(ann.get(path).text))).status == 303
    assert site.store.read(section).value == before
    assert "Nothing is different." in ann.get(path).words or "Saved." not in ann.get(path).words


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.about.name)
def test_each_field_is_refused_with_its_sentence_at_the_field(
    site: Site, ann: Client, section: type[Section]
) -> None:
    if section.about.name == "blocking":
        return  # its page is made for it and tested below
    path = f"/settings/{section.about.name}" + ("/new" if section.about.many else "")
    before = dict(site.store.read(section).value)
    plain = fields_of(ann.get(path).text)
    plain |= {name: [value] for name, value in NEEDED.get(section.about.name, {}).items()}
    for name, option in section.options.items():
        if option.kind == "switch":
            continue  # a box is ticked or not
        bad = VALUES[section.about.name][name]
        if option.kind == "list" and "\n" in bad.bad:
            continue  # in the form of a list a line break parts its entries
        page = ann.post(path, pairs({**plain, name: [bad.bad]}))
        assert page.status == 422, name
        error = re.search(rf'id="f-{name}-error" class="error">([^<]*)', page.text)
        assert error is not None or bad.why in page.words, (name, page.words)
        if error is not None and not option.hashed:
            predicate = bad.why.removeprefix("the value given").partition(" ")[2]
            assert predicate in html.unescape(error[1]) or "holds a line break" in error[1], name
    assert dict(site.store.read(section).value) == before


def test_a_setting_is_saved_shown_and_told_in_the_audit(site: Site, ann: Client) -> None:
    fields = fields_of(ann.get("/settings/general").text)
    page = ann.post(
        "/settings/general", pairs({**fields, "device_name": ["Gudang Timur"], "otp_digits": ["8"]})
    )
    assert page.location == "/settings/general"
    assert 'value="Gudang Timur"' in ann.get("/settings/general").text
    assert site.store.read(General).value.otp_digits == 8  # type: ignore[union-attr]
    eventually(lambda: site.service.intake.otp.policy.digits == 8)
    eventually(lambda: "general.otp_digits: 6 → 8" in ann.get("/system/audit").words)


def test_a_form_that_somebody_else_overtook_is_not_saved(site: Site, ann: Client) -> None:
    fields = fields_of(ann.get("/settings/sms").text)
    now = site.store.read(by("sms")).value
    site.store.save(by("sms"), now.model_copy(update={"limit_per_minute": 7}))  # type: ignore[union-attr]
    page = ann.post("/settings/sms", pairs({**fields, "country_code": ["66"]}))
    assert page.status == 409
    assert "changed by somebody else" in page.words
    assert site.store.read(by("sms")).value.country_code == "62"  # type: ignore[union-attr]


def by(name: str) -> type[Section]:
    return next(section for section in SECTIONS if section.about.name == name)


def test_a_collection_is_added_to_edited_turned_and_deleted(site: Site, ann: Client) -> None:
    fields = fields_of(ann.get("/settings/api_users/new").text)
    given = {
        **fields,
        "username": ["kasir"],
        "password": ["three brown foxes"],
        "allowed_commands": ["send-sms", "echo"],
    }
    assert ann.post("/settings/api_users/new", pairs(given)).status == 303
    made = site.store.read(ApiUser).value["kasir"]  # type: ignore[index]
    assert made.allowed_commands == ("send-sms", "echo")  # type: ignore[union-attr]
    page = ann.get("/settings/api_users/item/kasir")
    assert "three brown foxes" not in page.text and "argon2" not in page.text
    kept = made.password  # type: ignore[union-attr]
    given = {**fields_of(page.text), "email": ["kasir@example.com"]}
    assert ann.post("/settings/api_users/item/kasir", pairs(given)).status == 303
    made = site.store.read(ApiUser).value["kasir"]  # type: ignore[index]
    assert (made.email, made.password) == ("kasir@example.com", kept)  # type: ignore[union-attr]
    for verb, field, value in (
        ("block", "blocked", True),
        ("unblock", "blocked", False),
        ("deactivate", "active", False),
    ):
        assert ann.post(f"/settings/api_users/turn/kasir/{verb}").status == 303
        assert getattr(site.store.read(ApiUser).value["kasir"], field) is value  # type: ignore[index]
    assert "Delete kasir?" in ann.get("/settings/api_users/delete/kasir").words
    ann.post("/settings/api_users/delete/kasir")
    assert "kasir" not in site.store.read(ApiUser).value  # type: ignore[operator]


def test_a_secret_is_never_shown_kept_when_empty_and_removed_on_wish(site: Site, ann: Client) -> None:
    fields = fields_of(ann.get("/settings/modems/item/sim2").text)
    path = "/settings/modems/item/sim2"
    ann.post(path, pairs({**fields, "apn_password": ["open sesame"]}))
    page = ann.get(path)
    assert "open sesame" not in page.text
    assert "is set; leave empty to keep it" in page.text
    ann.post(path, pairs(fields_of(page.text)))
    assert site.store.read(Modem).value["sim2"].apn_password == "open sesame"  # type: ignore[index,union-attr]
    ann.post(path, pairs({**fields_of(ann.get(path).text), "clear.apn_password": ["on"]}))
    assert site.store.read(Modem).value["sim2"].apn_password == ""  # type: ignore[index,union-attr]


def test_a_message_is_written_sent_and_its_way_is_shown(site: Site, ann: Client) -> None:
    page = ann.post("/messages/new", {"receiver": "0812 9999 0001", "message": "Halo dunia", "via": "sim2"})
    assert page.location.startswith("/messages/way/")
    way = page.location
    eventually(lambda: "sent" in ann.get(way).words)
    words = ann.get(way).words
    assert "6281299990001" in words and "tried by sim2" in words and "admin:ann" in words
    assert "Halo dunia" not in words
    assert ("Halo dunia") in [text for _, text in site.received()]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a" * 160, "1 part · GSM-7 · 160 of 160"),
        ("a" * 161, "2 parts · GSM-7 · 8 of 153"),
        ("✓" * 70, "1 part · Unicode (UCS-2) · 70 of 70"),
        ("✓" * 71, "2 parts · Unicode (UCS-2) · 4 of 67"),
    ],
)
def test_the_parts_of_a_message_are_counted_before_it_is_sent(ann: Client, text: str, told: str) -> None:
    assert told in ann.post("/part/preview", {"message": text}).words
    assert told in ann.post("/messages/new", {"message": text, "do": "preview"}).words


def test_the_ledger_is_filtered_and_taken_along_as_csv(site: Site, ann: Client) -> None:
    ann.post("/messages/new", {"receiver": "081255550001", "message": "one"})
    ann.post("/messages/new", {"receiver": "081255550002", "message": "two"})
    words = ann.get("/messages?receiver=0812-5555-0002").words
    assert "6281255550002" not in words or "6281255550001" not in words
    assert "6281255550002" in ann.get("/messages?receiver=6281255550002").words
    assert "6281255550001" not in ann.get("/messages?receiver=6281255550002").words
    today = time.strftime("%Y-%m-%d")
    page = ann.get(f"/messages/csv?day={today}")
    lines = page.text.splitlines()
    assert lines[0] == "accepted,finished,id,command,owner,receiver,state,code,reason,modem,parts"
    assert sum("6281255550001" in line for line in lines) == 1
    assert page.headers["Content-Disposition"] == f'attachment; filename="otp-pi-{today}.csv"'
    assert len(ann.get("/messages/csv?day=2001-01-01").text.splitlines()) == 1


def test_a_code_is_sent_and_verified_from_the_page(site: Site, ann: Client) -> None:
    page = ann.post("/otp/request", {"receiver": "081233334444", "reference": "page-1"})
    assert "The code is on its way." in page.words
    text = next(text for number, text in reversed(site.received()) if number.endswith("81233334444"))
    code = re.search(r"\d{4,10}", text)[0]  # type: ignore[index]
    given = {"receiver": "081233334444", "reference": "page-1"}
    assert "1202" in ann.post("/otp/verify", {**given, "otp": "0"}).words
    assert "The code is right." in ann.post("/otp/verify", {**given, "otp": code}).words
    assert code not in ann.get("/system/audit").text


def test_the_simulator_says_which_sim_and_why(site: Site, ann: Client) -> None:
    page = ann.get("/routing?number=0812-1111-2222")
    assert "6281211112222" in page.words and "sim1 : default modem" in page.words
    assert "is not a telephone number" in ann.get("/routing?number=hello").words


def test_the_block_list_is_kept_searched_taken_in_and_out(site: Site, ann: Client) -> None:
    ann.post("/blocklist", {"number": "0813 0000 0001"})
    assert "6281300000001" in ann.get("/blocklist").words
    eventually(lambda: "6281300000001" in site.service.intake.blocklist)
    assert "is on the block list" in ann.get("/routing?number=081300000001").words
    ann.post("/blocklist/number/6281300000001", {"do": "whiten"})
    assert site.store.read(BlockedNumber).value["6281300000001"].state == "whitened"  # type: ignore[index,union-attr]
    page = ann.upload(
        "/blocklist/import", "file", b"081300000002\n+62 813-0000-0003,whitened,1,x\nnonsense\n"
    )
    assert page.status == 303
    assert (
        "2 numbers were taken over. 1 lines are no telephone numbers: nonsense" in ann.get("/blocklist").words
    )
    assert "1 of 3 numbers" in ann.get("/blocklist?search=0002").words
    lines = ann.get("/blocklist/export").text.splitlines()
    assert any(line.startswith("6281300000003,whitened,") for line in lines)
    ann.post("/blocklist/number/6281300000002", {"do": "delete"})
    assert "6281300000002" not in site.store.read(BlockedNumber).value  # type: ignore[operator]


def test_detect_fills_in_the_form_of_a_new_modem(site: Site, ann: Client) -> None:
    page = ann.post("/modems/detect", {"port": "sim://another?family=huawei"})
    assert "A modem answers at sim://another?family=huawei" in page.words
    link = html.unescape(re.search(r'href="(/settings/modems/new\?[^"]+)"', page.text)[1])  # type: ignore[index]
    form = fields_of(ann.get(link).text)
    assert form["port"] == ["sim://another?family=huawei"]
    assert len(form["imei"][0]) == 15
    assert form["active"] == ["on"] and form["baud_rate"] == ["115200"]
    assert "gone" in ann.post("/modems/detect", {"port": "/dev/ttyNOPE9"}).words


def test_a_modem_is_asked_how_it_is(site: Site, ann: Client) -> None:
    page = ann.post("/modems/test/sim1")
    assert "The modem answers." in page.words
    assert "dBm" in page.words
    assert "there is no active modem" in ann.post("/modems/test/nobody").words


def test_a_service_is_stopped_and_started_on_the_first_page(site: Site, ann: Client) -> None:
    assert "API over HTTP running" in ann.get("/").words
    ann.post("/services/api.enable_http", {"do": "stop"})
    eventually(lambda: "http" not in site.service.server.ports())
    assert "API over HTTP off" in ann.get("/").words
    ann.post("/services/api.enable_http", {"do": "start"})
    eventually(lambda: "http" in site.service.server.ports())
    ann.post("/services/api.http_port", {"do": "start"})
    assert "There is no such service." in ann.get("/").words
    assert site.store.read(Api).value.http_port != 1  # type: ignore[union-attr]


def test_a_backup_is_restored_after_showing_what_changes(fresh) -> None:  # type: ignore[no-untyped-def]
    site: Site = fresh(modems=1)
    ann = Client(site).sign_in()
    page = ann.post("/system/backup")
    assert page.headers["Content-Disposition"].startswith('attachment; filename="otp-pi-')
    content = page.text.encode()
    site.store.save(General, General(device_name="Changed"))
    plan = ann.upload("/system/restore/plan", "file", content)
    assert "general.device_name: Changed → OTP-Pi" in plan.words
    assert site.store.read(General).value.device_name == "Changed"  # type: ignore[union-attr]
    kept = html.unescape(re.search(r'<textarea name="content"[^>]*>(.*?)</textarea>', plan.text, re.S)[1])  # type: ignore[index]
    done = ann.upload("/system/restore", "nothing", b"", content=kept)
    assert done.location == "/system"
    assert site.store.read(General).value.device_name == "OTP-Pi"  # type: ignore[union-attr]
    damaged = content.replace(b'"OTP-Pi"', b'"Otherwise"')
    assert "its checksum does not match" in ann.upload("/system/restore/plan", "file", damaged).words
    assert ann.upload("/system/restore/plan", "file", b"\xff\x00").status == 422


def test_the_api_is_described_from_its_commands(site: Site, ann: Client) -> None:
    document = json.loads(ann.get("/connect/openapi.json").text)
    assert document["openapi"] == "3.1.0"
    port = site.store.read(Api).value.http_port  # type: ignore[union-attr]
    assert document["servers"] == [{"url": f"http://127.0.0.1:{port}"}]
    bodies = document["paths"]["/api/message"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]["oneOf"]
    names = [one["properties"]["command"]["const"] for one in bodies]
    assert names == [
        "request-otp", "verify-otp", "send-sms", "send-email", "send-message",
        "block-msisdn", "unblock-msisdn", "get-modem-list", "request-ussd",
        "answer-ussd", "cancel-ussd", "echo",
    ]  # fmt: skip
    answers = document["paths"]["/api/message"]["post"]["responses"]
    assert sorted(answers) == ["200", "202", "400", "401", "403", "404", "405", "408", "413", "429"]
    assert answers["413"]["content"]["application/json"]["schema"]["required"][1] == "response_code"
    otp = bodies[0]["properties"]["data"]["properties"]
    # 12345 and "12345" are the same; a text is a text.
    assert otp["reference"] == {"type": ["string", "integer"], "minLength": 1}
    assert otp["message"] == {"type": "string"}
    assert sorted(bodies[1]["properties"]["data"]["required"]) == ["otp", "receiver", "reference"]
    assert f"http://127.0.0.1:{port}/api/message" in ann.get("/connect").text


def test_the_log_is_shown_filtered_and_followed(site: Site, ann: Client) -> None:
    import logging

    logging.getLogger("somewhere").warning("the needle is here")
    assert "the needle is here" in ann.get("/system/logs?search=NEEDLE").words
    assert "the needle is here" not in ann.get("/system/logs?level=ERROR").words
    assert 'hx-trigger="every 2s"' in ann.get("/system/logs?follow=on").text


def test_figures_are_kept_a_minute_at_a_time_and_thinned_for_a_week(site: Site, ann: Client) -> None:
    history: History = site.service.admin.house.history
    now = site.service.clock.wall()
    for minute in range(120):
        history.keep(now - minute * 60, {"cpu": float(minute), "modems": 2.0})
    eventually(lambda: len(history.since(now - 7200)) >= 119)
    assert len(history.since(now - 7200, most=30)) <= 31
    assert "CPU (%)" in ann.get("/system/status").words
    data = json.loads(ann.get("/part/status.json?hours=6").text)
    assert len(data["at"]) == len(data["cpu"]) >= 110
    history.keep(now + 8 * 24 * 3600, {"cpu": 1.0})
    eventually(lambda: len(history.since(now - 7200)) == 1)


def test_a_restart_is_asked_about_and_then_made(site: Site, ann: Client) -> None:
    told: list[str] = []
    site.service.admin.when_restarting(lambda: told.append("restart"))
    assert "Restart the service?" in ann.get("/system/restart").words
    assert told == []
    assert "The service starts anew" in ann.post("/system/restart").words
    assert told == ["restart"]


@pytest.mark.parametrize("path", ["/otp/request", "/otp/verify", "/modems/ussd"])
def test_an_answer_that_does_not_come_costs_no_thread_and_no_error(
    site: Site, ann: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    waiting: list[int] = []

    def never(command: object, source: object) -> Future[Reply]:
        waiting.append(site.service.admin._pool._waiting)
        return Future()

    monkeypatch.setattr(site.service.gateway, "handle", never)
    monkeypatch.setattr("app.web.admin.asking.PATIENCE", 0.1)
    given = {"reference": "r", "receiver": "081234567890", "otp": "1", "modem": "sim1", "code": "*1#"}
    page = ann.post(path, given)
    assert page.status == 422
    assert "it is not known yet what came of it" in page.words
    assert waiting == [1]  # the other threads serve as if this one were not there


def test_too_many_that_wait_are_turned_away(site: Site, ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.service.admin._pool, "waiters", 0)
    page = ann.post("/otp/request", {"reference": "r", "receiver": "081234567890"})
    assert (page.status, "too many requests wait for an answer" in page.words) == (422, True)


def test_a_viewer_of_the_block_list_sees_no_whole_number_and_cannot_try_one_out(
    site: Site, ann: Client
) -> None:
    ann.post("/blocklist", {"number": "081255556666"})
    vera, oscar = Client(site).sign_in("vera"), Client(site).sign_in("oscar")
    for path in ("/blocklist", "/blocklist?search=55556666", "/blocklist?search=99999"):
        page = vera.get(path)
        assert "6281255556666" not in page.text
        assert "62812******66" in page.text, path
        assert 'name="search"' not in page.text
    assert "6281255556666" in oscar.get("/blocklist?search=5555").text


def test_a_block_list_that_cannot_be_written_is_told(
    site: Site, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.post("/blocklist", {"number": "081255557777"})

    def unwritable(*_: object) -> str:
        raise StoreUnusable("the settings cannot be written: Read-only file system")

    monkeypatch.setattr(site.store, "put", unwritable)
    assert ann.post("/blocklist/number/6281255557777", {"do": "whiten"}).location == "/blocklist"
    assert "the block list could not be changed" in ann.get("/blocklist").words
