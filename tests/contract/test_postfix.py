"""The mail side against Postfix in a folder of its own: our client, and our server as its relay.

Needs Debian's packages postfix and libsasl2-modules, and root; required where CI is set.
"""

from __future__ import annotations

import base64
import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.mail.account import Tls
from app.mail.letter import words_of
from app.mail.trial import try_out
from bench.ports import free_port
from tests.mail.conftest import IDENTITY, MailHouse, account
from tests.mail.servers import Authority
from tests.mail.test_server import SHOP, local
from tests.wanting import unless

POSTFIX = shutil.which("postfix", path="/usr/sbin:/usr/bin")
ABLE = POSTFIX is not None and os.geteuid() == 0

pytestmark = unless(ABLE, "needs postfix, sasl2-bin, libsasl2-modules and root")

MASTER = """\
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.test
mydestination =
alias_maps =
mynetworks = 127.0.0.99/32
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_delay_reject = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {certificate}
smtpd_tls_security_level = encrypt
smtpd_tls_received_header = yes
message_size_limit = 20000
smtputf8_enable = yes
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = texthash:{folder}/etc/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
default_transport = smtp:[127.0.0.1]:{relay}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:{folder}/etc/relay-passwords
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = may
"""


@dataclass
class Postfix:
    folder: Path
    smtp: int
    submissions: int
    relay: int

    def command(self, name: str, *more: str, **options: Any) -> str:
        path = shutil.which(name, path="/usr/sbin:/usr/bin")
        assert path is not None, f"{name} is not installed"
        done = subprocess.run(
            [path, *more], env={**os.environ, "MAIL_CONFIG": str(self.folder / "etc")},
            capture_output=True, text=True, timeout=60, **options,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + self.log()
        return done.stdout

    def log(self) -> str:
        path = self.folder / "log/mail.log"
        return path.read_text() if path.exists() else ""

    def box(self, name: str) -> list[bytes]:
        """The mails in a mailbox, once there is one."""
        new = self.folder / "boxes" / name / "new"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if new.is_dir() and (files := list(new.iterdir())):
                return [file.read_bytes() for file in files]
            time.sleep(0.05)
        raise AssertionError(f"nothing came for {name}\n{self.log()}")


class Passwords:
    """Answers Postfix whether a password is right, in the words of Dovecot's authentication protocol 1.1."""

    def __init__(self, path: Path, right: dict[str, str]) -> None:
        self._right = right
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o666)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw") as lines:
            lines.write("VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nDONE\n")
            lines.flush()
            for line in lines:
                command, number, *fields = line.rstrip("\n").split("\t")
                if command != "AUTH":
                    continue
                response = next(field[5:] for field in fields if field.startswith("resp="))
                _, user, password = base64.b64decode(response).decode().split("\0")
                verdict = "OK" if self._right.get(user) == password else "FAIL"
                lines.write(f"{verdict}\t{number}\tuser={user}\n")
                lines.flush()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def postfix(authority: Authority) -> Iterator[Postfix]:
    # Below /tmp, not below pytest's private folder: Postfix works as a user of its own.
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/postfix.XXXXXX"], text=True).strip())
    folder.chmod(0o755)
    one = Postfix(folder, free_port(), free_port(), free_port())
    user = pwd.getpwnam("postfix")
    for name in ("etc", "spool", "data", "log", "boxes"):
        (folder / name).mkdir()
    for name in ("data", "boxes"):
        os.chown(folder / name, user.pw_uid, user.pw_gid)
    certificate = folder / "etc/server.pem"
    shutil.copy(authority.server_file, certificate)
    certificate.chmod(0o600)
    (folder / "etc/boxes").write_text("ani@example.com ani/\nanvändare@example.com utf8/\n")
    (folder / "etc/relay-passwords").write_text(f"[127.0.0.1]:{one.relay} shop:sesame-open\n")
    passwords = Passwords(folder / "auth", {"otp": "sandi-rahasia"})
    filled = {"folder": folder, "certificate": certificate, "uid": user.pw_uid, "gid": user.pw_gid}
    (folder / "etc/main.cf").write_text(MAIN.format(relay=one.relay, **filled))
    (folder / "etc/master.cf").write_text(MASTER.format(smtp=one.smtp, submissions=one.submissions))
    one.command("postfix", "-c", str(folder / "etc"), "start")
    try:
        yield one
    finally:
        one.command("postfix", "-c", str(folder / "etc"), "stop")
        passwords.close()
        shutil.rmtree(folder, ignore_errors=True)


def by_starttls(postfix: Postfix, **more: Any) -> Any:
    more = {"tls": Tls.STARTTLS, "login": "otp", "password": "sandi-rahasia"} | more
    return account(postfix.smtp, "otp", **more)


Make = Callable[..., MailHouse]


def test_a_mail_arrives_whole_by_starttls_and_a_password(
    postfix: Postfix, authority: Authority, make_house: Make
) -> None:
    house = make_house(by_starttls(postfix), tls=authority.for_clients())
    reply = house.send("Kode Anda 123456 ✓\n.\n..tiga titik\n", id="p1")
    assert reply.ok, reply.error + "\n" + postfix.log()
    [octets] = postfix.box("ani")
    assert words_of(octets) == "Kode Anda 123456 ✓\n.\n..tiga titik"
    assert b"(using TLSv1.3" in octets
    assert b"Subject: Code\n" in octets
    assert house.row("p1").state == "sent"


def test_tls_from_the_start_and_an_international_name(
    postfix: Postfix, authority: Authority, make_house: Make
) -> None:
    one = account(postfix.submissions, "otp", tls=Tls.FROM_START, login="otp", password="sandi-rahasia")
    house = make_house(one, tls=authority.for_clients())
    reply = house.send("Halo", receiver="användare@example.com")
    assert reply.ok, reply.error + "\n" + postfix.log()
    [octets] = postfix.box("utf8")
    assert "To: användare@example.com\n".encode() in octets


def test_a_wrong_password(postfix: Postfix, authority: Authority, make_house: Make) -> None:
    house = make_house(by_starttls(postfix, password="salah-sekali"), tls=authority.for_clients())
    reply = house.send()
    assert reply.reason == "mail_failed"
    assert "refused the account or its password: 535 5.7.8" in reply.error
    assert house.turns.standings()[0].resting > 0


def test_a_recipient_postfix_does_not_know(postfix: Postfix, authority: Authority, make_house: Make) -> None:
    house = make_house(by_starttls(postfix), tls=authority.for_clients())
    reply = house.send(receiver="nobody@example.com")
    assert "refused the recipient: 550 5.1.1" in reply.error
    assert "nobody@example.com" not in reply.error
    assert house.turns.standings()[0].resting == 0


def test_a_mail_larger_than_postfix_takes(postfix: Postfix, authority: Authority, make_house: Make) -> None:
    house = make_house(by_starttls(postfix), tls=authority.for_clients())
    reply = house.send("x" * 20_000)
    assert "552 5.3.4" in reply.error
    assert house.turns.standings()[0].resting == 0


def test_without_a_certificate_it_can_verify_nothing_goes_to_postfix(
    postfix: Postfix, make_house: Make
) -> None:
    reply = make_house(by_starttls(postfix)).send()
    assert "is not trusted" in reply.error


def test_the_conversation_with_postfix_has_no_credentials(
    postfix: Postfix, authority: Authority, make_house: Make
) -> None:
    house = make_house()
    tls = authority.for_clients()
    trial = try_out(
        by_starttls(postfix), "ani@example.com", IDENTITY, SystemClock(), house.usage, "2026-11-20", tls
    )
    assert trial.worked
    assert "S: 250-STARTTLS" in trial.lines
    assert "C: AUTH PLAIN ***" in trial.lines
    assert "S: 235 2.7.0 Authentication successful" in trial.lines
    assert "sandi" not in "".join(trial.lines)


def test_postfix_hands_mail_to_our_server_as_its_relay(postfix: Postfix, make_house: Make) -> None:
    """A server of the local network that signs in: NUMBER@sms.otppi.lan goes out as an SMS."""
    house = make_house()
    texts: list[str] = []
    with local(house, SHOP, listen_on=postfix.relay):
        postfix.command("sendmail", "-i", "-f", "alarm@nvr.test", "08123456789@sms.otppi.lan",
                        input="From: alarm@nvr.test\nSubject: Door\n\nThe door is open.\n")  # fmt: skip
        end = time.monotonic() + 60
        while not house.fleet.jobs and time.monotonic() < end:
            time.sleep(0.05)
        assert house.fleet.jobs, postfix.log()
        texts.append(house.fleet.send_next())
        while "status=sent (250 2.0.0 sent)" not in postfix.log() and time.monotonic() < end:
            time.sleep(0.05)
        assert "status=sent (250 2.0.0 sent)" in postfix.log()
    assert texts == ["The door is open."]
    [row] = house.database.read("SELECT receiver, owner FROM message")
    assert row == ("628123456789", "smtp:shop")
