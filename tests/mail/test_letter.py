"""The octets of a letter: headers nobody can inject into, plain text and HTML, international addresses."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadRequest
from app.core.message import Message
from app.mail.letter import forward, words_of, write

JAKARTA = timezone(timedelta(hours=7))
NOW = datetime(2026, 11, 20, 16, 30, 5, tzinfo=JAKARTA)


def message(
    text: str = "Your code is 123456.",
    receiver: str = "ani@example.com",
    subject: str = "Code",
    owner: str = "rest:shop",
) -> Message:
    return Message(
        seq=7,
        id="a1",
        command="send-email",
        owner=owner,
        receiver=receiver,
        text=text,
        subject=subject,
        fingerprint=b"f" * 32,
        accepted=0.0,
        deadline=0.0,
    )


def headers(octets: bytes) -> list[str]:
    return [name for name, _ in email.message_from_bytes(octets, policy=email.policy.default).items()]


HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]


def test_a_plain_letter_octet_for_octet() -> None:
    letter = write(message(), "otp@example.org", NOW, "OTP-Pi")
    expected = (
        b"From: OTP-Pi <otp@example.org>\r\n"
        b"To: ani@example.com\r\n"
        b"Subject: Code\r\n"
        b"Date: Fri, 20 Nov 2026 16:30:05 +0700\r\n"
        b"Message-ID: <867f987e802642e35eb0df259c9463b9@example.org>\r\n"
        b"Auto-Submitted: auto-generated\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="part-867f987e802642e35eb0df25"\r\n'
        b"\r\n"
        b"--part-867f987e802642e35eb0df25\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Your code is 123456.\r\n"
        b"\r\n"
        b"--part-867f987e802642e35eb0df25\r\n"
        b'Content-Type: text/html; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"MIME-Version: 1.0\r\n"
        b"\r\n"
        b"<!doctype html>\r\n"
        b'<html><head><meta charset="utf-8"></head>\r\n'
        b'<body><p style="white-space: pre-wrap">Your code is 123456.</p></body></html>\r\n'
        b"\r\n"
        b"--part-867f987e802642e35eb0df25--\r\n"
    )
    assert letter.octets == expected


def test_utf8_in_subject_and_text() -> None:
    letter = write(
        message("Kode Anda: 123456 – jangan bagikan ✓", subject="Kode ✓"), "otp@example.org", NOW, "Pi"
    )
    assert b"Subject: Kode =?utf-8?b?4pyT?=\r\n" in letter.octets
    assert letter.octets.isascii()
    parsed = email.message_from_bytes(letter.octets, policy=email.policy.default)
    assert parsed["Subject"] == "Kode ✓"
    plain = parsed.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == ["Kode Anda: 123456 – jangan bagikan ✓"]


def test_the_html_part_shows_markup_as_words() -> None:
    letter = write(message("1 < 2 & <script>alert(1)</script>"), "otp@example.org", NOW, "Pi")
    page = email.message_from_bytes(letter.octets, policy=email.policy.default).get_body(("html",))
    assert page is not None
    assert "1 &lt; 2 &amp; &lt;script&gt;alert(1)&lt;/script&gt;" in page.get_content()


def test_a_text_that_is_a_page_is_sent_as_one_with_its_words_beside_it() -> None:
    page = (
        "<html><head><style>p{}</style></head><body><p>Your code:</p><p><b>123456</b> now</p></body></html>"
    )
    letter = write(message(page), "otp@example.org", NOW, "Pi")
    parsed = email.message_from_bytes(letter.octets, policy=email.policy.default)
    plain, marked_up = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert plain is not None and marked_up is not None
    assert plain.get_content().splitlines() == ["Your code:", "123456 now"]
    assert marked_up.get_content().strip() == page


@pytest.mark.parametrize(
    "subject",
    [
        "Code\r\nBcc: everybody@example.net",
        "Code\nBcc: everybody@example.net",
        "Code\r\n\r\nAnother body",
        "Code\x0bBcc: x@example.net\x0c\x85\u2028Bcc: y@example.net",
        "Code\r\n Bcc: folded@example.net",
    ],
)
def test_no_header_can_be_injected_by_a_subject(subject: str) -> None:
    letter = write(message(subject=subject), "otp@example.org", NOW, "OTP-Pi")
    assert headers(letter.octets) == HEADERS


def test_no_header_can_be_injected_by_the_devices_name() -> None:
    letter = write(message(), "otp@example.org", NOW, 'Pi" <x@example.net>\r\nBcc: y@example.net')
    assert headers(letter.octets) == HEADERS


@pytest.mark.parametrize(
    "receiver", ["a@example.com\r\nRCPT TO:<b@example.net>", "a b@example.com", "<a>@b.c", "@b.c"]
)
def test_a_receiver_that_could_break_the_dialogue_is_refused(receiver: str) -> None:
    with pytest.raises(BadRequest):
        write(message(receiver=receiver), "otp@example.org", NOW, "OTP-Pi")


@given(subject=st.text(max_size=200), text=st.text(max_size=500))
def test_whatever_the_words_are_the_headers_are_the_same_and_the_lines_short(subject: str, text: str) -> None:
    letter = write(message(text, subject=subject), "otp@example.org", NOW, "OTP-Pi")
    assert headers(letter.octets) == HEADERS
    assert letter.octets.isascii()
    assert all(len(line) <= 998 for line in letter.octets.split(b"\r\n"))
    assert b"\n" not in letter.octets.replace(b"\r\n", b"")
    assert b"\r" not in letter.octets.replace(b"\r\n", b"")


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=500))
def test_the_text_arrives_as_it_was_sent(text: str) -> None:
    octets = write(message(f"x{text}"), "otp@example.org", NOW, "OTP-Pi").octets
    plain = email.message_from_bytes(octets, policy=email.policy.default).get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == f"x{text}\n"


def test_an_international_domain_travels_in_its_ascii_form() -> None:
    letter = write(message(receiver="ani@straße.example"), "otp@bücher.example", NOW, "OTP-Pi")
    assert letter.recipient == "ani@xn--strae-oqa.example"
    assert letter.sender == "otp@xn--bcher-kva.example"
    assert not letter.international
    assert b"To: ani@xn--strae-oqa.example\r\n" in letter.octets


def test_an_international_name_needs_smtputf8_and_its_domain_does_not() -> None:
    letter = write(message(receiver="användare@bücher.example"), "otp@example.org", NOW, "OTP-Pi")
    assert letter.recipient == "användare@xn--bcher-kva.example"
    assert letter.international
    assert "To: användare@xn--bcher-kva.example\r\n".encode() in letter.octets


def test_the_message_id_is_the_same_for_every_try_and_tells_nothing() -> None:
    first = email.message_from_bytes(write(message(), "a@example.org", NOW, "Pi").octets)["Message-ID"]
    second = email.message_from_bytes(write(message(), "a@example.org", NOW, "Pi").octets)["Message-ID"]
    assert first == second
    assert "123456" not in first and b"f".hex() * 8 not in first


def test_leading_dots_are_doubled_on_the_way() -> None:
    letter = write(message(".hidden\n..two\nend."), "otp@example.org", NOW, "Pi")
    assert b"\r\n..hidden\r\n...two\r\nend.\r\n" in letter.stuffed()
    assert b"\r\n.hidden\r\n..two\r\nend.\r\n" in letter.octets


def test_a_mail_from_the_local_network_goes_on_whole_in_the_accounts_name() -> None:
    mail = (
        b"From: Scanner <scanner@printer.lan>\r\n"
        b"To: Ani <ani@example.com>\r\n"
        b"Bcc: secret@example.net\r\n"
        b"DKIM-Signature: v=1; old\r\n"
        b"Subject: Scan\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        b"\r\nh\xc3\xa9\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        b"\r\nJVBERg==\r\n--b--\r\n"
    )
    letter = forward(
        message(mail.decode("latin-1"), owner="smtp:shop"), "otp@example.org", NOW, "by otppi.lan"
    )
    head, _, body = letter.octets.partition(b"\r\n\r\n")
    assert body == mail.partition(b"\r\n\r\n")[2]
    lines = head.split(b"\r\n")
    assert lines[:2] == [b"Received: by otppi.lan;", b"\tFri, 20 Nov 2026 16:30:05 +0700"]
    assert b"From: Scanner <otp@example.org>" in lines
    assert b"Reply-To: Scanner <scanner@printer.lan>" in lines
    assert b"Subject: Scan" in lines
    assert b"Date: Fri, 20 Nov 2026 16:30:05 +0700" in lines
    assert not any(line.startswith((b"Bcc", b"DKIM")) for line in lines)


@pytest.mark.parametrize(
    "mail",
    [
        b"Subject: b\xc3\xbc\r\nContent-Type: multipart/mixed; boundary=b\r\nno header \xff\r\n\r\nx\r\n",
        b"Content-Type: message/rfc822\r\nSubject : \xff\r\n\r\nx\r\n",
        b"\r\nonly a text \xff\r\n\r\nof two paragraphs\r\n",
        b"only a text\r\n\r\nof two paragraphs\r\n",
        b"Subject: no text",
    ],
)
def test_a_mail_that_is_wrongly_written_goes_on_as_it_came(mail: bytes) -> None:
    letter = forward(
        message(mail.decode("latin-1"), owner="smtp:shop"), "otp@example.org", NOW, "by otppi.lan"
    )
    headers = [line for line in mail.split(b"\r\n") if re.match(rb"[!-9;-~]+: ", line)]
    head, _, body = letter.octets.partition(b"\r\n\r\n")
    assert set(headers) <= set(head.split(b"\r\n"))
    rest = mail.removeprefix(b"".join(line + b"\r\n" for line in headers)) if body else b""
    assert body == rest.removeprefix(b"\r\n")


def test_a_mail_is_not_made_larger_by_lone_line_ends_or_dots() -> None:
    letter = write(message("x"), "otp@example.org", NOW, "Pi")
    odd = replace(letter, octets=b".a\n.b\r.c\r\n\r\n..d\r\ne.")
    assert odd.stuffed() == b"..a\r\n..b\r\n..c\r\n\r\n...d\r\ne.\r\n"


def test_words_of_a_mail_for_an_sms() -> None:
    plain = (
        b"Subject: S\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        b"Pintu terbuka \xe2\x9c\x93\r\n-- \r\nNVR 3\r\n"
    )
    assert words_of(plain) == "Pintu terbuka ✓"
    page = b"Subject: S\r\nContent-Type: text/html\r\n\r\n<p>Door <b>open</b></p><p>now</p>\r\n"
    assert words_of(page) == "Door open\nnow"
    assert words_of(b"Subject: Alarm 3\r\n\r\n\r\n") == "Alarm 3"
    latin = b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9\r\n"
    assert words_of(latin) == "café"


def test_a_servers_words_lose_the_recipient_and_what_they_quote_of_the_text() -> None:
    letter = write(message("Use 123456 now", subject="Secret subject"), "otp@example.org", NOW, "Pi")
    assert letter.cleared("550 <ani@example.com>: 'Use 123456 now' (Secret subject) is spam 123456") == (
        "550 <a***@example.com>: '***' (***) is spam ***"
    )
