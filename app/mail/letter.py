"""A message as the octets a mail server gets: headers nobody can inject into, plain text and HTML."""

from __future__ import annotations

import email
import email.policy
import email.utils
import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from html.parser import HTMLParser

import idna

from app.core.errors import BadRequest
from app.core.message import Message
from app.core.receiver import masked

# Mail from the local SMTP server: its text is a whole mail of somebody's making, octet for octet as Latin-1.
DOOR = "smtp"

_POLICY = email.policy.SMTP.clone(cte_type="7bit")
_AS_IT_CAME = email.policy.compat32.clone(linesep="\r\n", max_line_length=None)
# Lines of a header's name and text, and those that go on with it (RFC 5322 §2.2); perhaps an mbox line first.
_HEADERS = re.compile(rb"(?:From [^\r\n]*(?:\r\n?|\n))?(?:(?:[!-9;-~]+:|[\t ])[^\r\n]*(?:\r\n?|\n|\Z))*")
_LINE = re.compile(r"[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")  # as str.splitlines has them
_WORD = re.compile(r"\S+")
_MARKUP = re.compile(r"\s*<(!doctype html|html)[\s>]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """sender, recipient: of the envelope; international: the server must know SMTPUTF8 (RFC 6531)."""

    sender: str
    recipient: str
    octets: bytes = field(repr=False)
    international: bool = False
    private: tuple[str, ...] = field(default=(), repr=False)  # texts of which nothing may be repeated

    def stuffed(self) -> bytes:
        """The octets with leading dots doubled and a line end at the end (RFC 5321 §4.5.2)."""
        # No regular expressions: of a large mail they would make an object a line.
        octets = self.octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        octets = octets.replace(b"\r\n.", b"\r\n..")
        if octets.startswith(b"."):
            octets = b"." + octets
        return octets if octets.endswith(b"\r\n") else octets + b"\r\n"

    def cleared(self, words: str) -> str:
        """A server's words without the recipient and without what it may quote from the text."""
        words = words.replace(self.recipient, masked(self.recipient))
        quoted = {piece for text in self.private for piece in _pieces(text) if piece in words}
        for piece in sorted(quoted, key=len, reverse=True):
            words = words.replace(piece, "***")
        return words


def write(message: Message, sender: str, now: datetime, device: str) -> Letter:
    """The letter for a message. Raises BadRequest when an address cannot be written.

    now: with its zone, for the Date header; device: who speaks, as the sender's display name.
    """
    from_address, to_address = _address(sender), _address(message.receiver)
    international = not (from_address.isascii() and to_address.isascii())
    policy = _POLICY.clone(utf8=international)
    letter = EmailMessage(policy=policy)
    letter["From"] = _named(device, from_address)
    letter["To"] = to_address
    letter["Subject"] = one_line(message.subject) or one_line(device)
    letter["Date"] = email.utils.format_datetime(now)
    letter["Message-ID"] = message_id(message, from_address)
    # So that out-of-office assistants stay silent (RFC 3834 §5).
    letter["Auto-Submitted"] = "auto-generated"
    plain, marked_up = _bodies(message.text)
    letter.set_content(plain, charset="utf-8", cte=_encoding(plain))
    letter.add_alternative(marked_up, subtype="html", charset="utf-8", cte=_encoding(marked_up))
    # A short boundary fits on the header's line; the text cannot hold what is made of a keyed digest.
    letter.set_boundary(f"part-{_token(message)[:24]}")
    return Letter(from_address, to_address, bytes(letter), international, (message.text, message.subject))


def forward(message: Message, sender: str, now: datetime, received: str) -> Letter:
    """The letter for a mail that came by the local SMTP server: kept whole, sent in the account's name.

    sender: the account's address, or empty to keep the writer's own; received: who took it from whom.
    """
    # Only the headers are taken apart: what follows them goes on as it came, however large or wrong.
    octets = message.text.encode("latin-1")
    head = _HEADERS.match(octets)
    end = head.end() if head else 0
    mail = BytesHeaderParser(policy=_AS_IT_CAME).parsebytes(octets[:end])
    writer = str(mail.get("From", ""))
    from_address = _address(sender or email.utils.parseaddr(writer)[1] or "postmaster@localhost")
    to_address = _address(message.receiver)
    if sender:
        # Providers refuse a From that is not the account's; answers still reach the writer.
        name, address = email.utils.parseaddr(writer)
        if address and "Reply-To" not in mail:
            mail["Reply-To"] = one_line(writer)
        del mail["From"]
        mail["From"] = _named(name or address, from_address)
    for header in ("Sender", "Return-Path", "Bcc", "DKIM-Signature"):
        del mail[header]
    if "Date" not in mail:
        mail["Date"] = email.utils.format_datetime(now)
    if "Message-ID" not in mail:
        mail["Message-ID"] = message_id(message, from_address)
    headers = [_AS_IT_CAME.fold_binary(name, value) for name, value in mail.raw_items()]
    if octets[end : end + 1] not in (b"\r", b"\n"):
        headers.append(b"\r\n")  # what is no header begins the text
    stamp = f"Received: {received};\r\n\t{email.utils.format_datetime(now)}\r\n".encode()
    international = not (from_address.isascii() and to_address.isascii())
    octets = b"".join((stamp, *headers, octets[end:]))
    return Letter(from_address, to_address, octets, international, (message.text, message.subject))


def one_line(text: str) -> str:
    """A text for a header: no line ends, no control characters, blanks joined."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def message_id(message: Message, sender: str) -> str:
    """The same for every try of a message, and nothing anybody could take for its content."""
    domain = sender.rpartition("@")[2]
    return f"<{_token(message)}@{domain if domain.isascii() else 'otp-pi.invalid'}>"


def _token(message: Message) -> str:
    octets = b"message-id" + message.fingerprint + message.seq.to_bytes(8, "big")
    return hashlib.sha256(octets).hexdigest()[:32]


def _address(address: str) -> str:
    """An address with its domain in ASCII (RFC 5891), so that only a local part ever needs SMTPUTF8."""
    local, _, domain = address.rpartition("@")
    if not local or any(not sign.isprintable() or sign in " <>" for sign in address):
        raise BadRequest("the receiver is not a mail address")
    return f"{local}@{in_ascii(domain)}"


def in_ascii(domain: str) -> str:
    """A domain as mail and name servers know it (RFC 5891). Raises BadRequest."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise BadRequest("the domain of the receiver is not a domain name") from None


def _named(name: str, address: str) -> str:
    shown = one_line(name)
    return email.utils.formataddr((shown, address)) if shown and address.isascii() else address


def _bodies(text: str) -> tuple[str, str]:
    """Plain text and HTML: whichever the text is, the other is made of it."""
    text = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    if _MARKUP.match(text):
        reader = _Words()
        reader.feed(text)
        reader.close()
        return reader.words(), text
    page = (
        '<!doctype html>\n<html><head><meta charset="utf-8"></head>\n'
        '<body><p style="white-space: pre-wrap">{}</p></body></html>\n'
    )
    return text + ("" if text.endswith("\n") else "\n"), page.format(html.escape(text))


def words_of(raw: bytes | bytearray) -> str:
    """The text of a whole mail for an SMS: its plain part, else its page in words, else its subject."""
    try:
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        part = mail.get_body(preferencelist=("plain", "html"))
        text = str(part.get_content()) if part is not None else ""
        if part is not None and part.get_content_subtype() == "html":
            text = _bodies(text if _MARKUP.match(text) else f"<html>{text}")[0]
        subject = str(mail.get("Subject", ""))
    except Exception:  # of the library, over what is wrongly written: of many kinds
        raise BadRequest("the text of the mail cannot be read: send it as plain text in UTF-8") from None
    text = text.replace("\r\n", "\n")
    # What follows is a signature (RFC 3676 §4.3).
    text = re.split(r"^-- $", text, maxsplit=1, flags=re.MULTILINE)[0]
    return text.strip() or one_line(subject)


class _Words(HTMLParser):
    """The words of a page, a line a block."""

    _BLOCKS = frozenset(
        ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol")
    )
    _SILENT = frozenset(("head", "script", "style"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._SILENT:
            self._silent += 1
        elif tag in self._BLOCKS:
            self._found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in self._BLOCKS:
            self._found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._found.append(re.sub(r"\s+", " ", data))

    def words(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._found).split("\n"))
        return "\n".join(line for line in lines if line) + "\n"


def _encoding(text: str) -> str:
    """7bit where every line fits, else quoted-printable, or base64 where most of it is not Latin."""
    octets = text.encode()
    if octets.isascii() and max((len(line) for line in octets.split(b"\n")), default=0) <= 78:
        return "7bit"
    foreign = sum(octet > 127 for octet in octets)
    return "base64" if foreign * 3 > len(octets) else "quoted-printable"


def _pieces(text: str) -> Iterator[str]:
    """What of a text a server's words must not repeat: its lines, and every word with a digit."""
    for line in _LINE.finditer(text):
        whole = line[0].strip()
        if len(whole) >= 4:
            yield whole
        for word in _WORD.finditer(line[0]):
            bare = word[0].strip(".,:;!?()")
            if len(bare) >= 4 and any(sign.isdigit() for sign in bare):
                yield bare
