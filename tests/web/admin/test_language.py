"""English and Indonesian: chosen by the browser, changeable, and nothing left without a translation."""

from __future__ import annotations

import re

import pytest

from app.web.admin import language, render
from tests.web.admin.sentences import all_sentences
from tests.web.admin.site import Client, Site


def test_every_sentence_has_a_translation() -> None:
    assert sorted(all_sentences() - set(language.words("id"))) == []


def test_a_translation_keeps_the_places_of_its_sentence() -> None:
    place = re.compile(r"%\(\w+\)s|%s|\{\}")
    for sentence, said in language.words("id").items():
        assert sorted(place.findall(sentence)) == sorted(place.findall(said)), sentence


# What is no sentence: names of programs and protocols, and what stands in code to copy.
NAMES = {"OTP-Pi", "OpenAPI", "AsyncAPI", "USB", "curl", "Python", "PHP", "POST", "s", "dBm", "·"}


@pytest.mark.parametrize("path", sorted(render.TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_no_template_holds_a_text_of_its_own(path) -> None:  # type: ignore[no-untyped-def]
    text = re.sub(
        r"{#.*?#}|<pre.*?</pre>|<title>.*?</title>|<svg.*?</svg>", " ", path.read_text("utf-8"), flags=re.S
    )
    text = re.sub(r"{% set attributes %}.*?{% endset %}", " ", text, flags=re.S)
    text = re.sub(r"{%.*?%}|{{.*?}}", " ", text, flags=re.S)
    shown = re.findall(r'(?:aria-label|title|alt)="([^"]*)"', text)
    shown += re.sub(r"<[^>]*>", "\n", text).split("\n")
    words = {word for line in shown for word in re.findall(r"[^\W\d_][\w-]*", line)}
    assert words <= NAMES | {"https", "http"}


@pytest.mark.parametrize(
    ("cookie", "accept", "usual", "lang"),
    [
        ("", "id-ID,id;q=0.9,en;q=0.8", "en", "id"),
        ("", "en;q=0.2, id;q=0.1", "id", "en"),
        ("", "de,fr", "id", "id"),
        ("", "id;q=0", "en", "en"),
        ("en", "id", "id", "en"),
        ("xx", "", "", "en"),
        ("", "\x00" * 5000, "en", "en"),
    ],
)
def test_the_language_is_the_chosen_then_the_browsers_then_the_devices(
    cookie: str, accept: str, usual: str, lang: str
) -> None:
    assert language.chosen(cookie, accept, usual) == lang


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Saved.", "Tersimpan."),
        ("'maybe' is neither on nor off", "'maybe' bukan hidup maupun mati"),
        ("999 is out of range: 1000 to 86400000", "999 di luar batas: 1000 sampai 86400000"),
        (
            "the value given is too short: at least 10 characters",
            "nilai yang diberikan terlalu pendek: sedikitnya 10 karakter",
        ),
        (
            "api was changed by somebody else meanwhile: read it again, then save",
            "api sementara itu diubah orang lain: baca lagi, lalu simpan",
        ),
        (
            "port 8888 is already taken by the admin pages",
            "port 8888 sudah dipakai oleh halaman admin",
        ),
        ("nobody has translated this", "nobody has translated this"),
    ],
)
def test_a_sentence_is_said_in_indonesian(sentence: str, said: str) -> None:
    assert language.translated("id", sentence) == said


def test_a_page_speaks_the_browsers_language_until_another_is_chosen(site: Site) -> None:
    client = Client(site)
    page = client.get("/login", Accept_Language="id")
    assert '<html lang="id">' in page.text
    assert "Saya lupa kata sandi" in page.words
    answer = client.post("/language", {"language": "en", "next": "/login"})
    assert (answer.status, answer.location) == (303, "/login")
    assert "I forgot my password" in client.get("/login", Accept_Language="id").words
