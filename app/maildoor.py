"""API users at the mail door: the names, passwords and limits of the REST interface, for the SMTP server."""

from __future__ import annotations

from app.mail.reception import Visitor
from app.web.signin import Denied, SignIn, User


class MailDoor:
    """``app.mail.reception.Guard`` over the sign-in that REST uses, so that a lock counts at both doors."""

    def __init__(self, sign_in: SignIn[User]) -> None:
        self._sign_in = sign_in

    def sign_in(self, username: str, password: str, address: str) -> Visitor | None:
        try:
            user = self._sign_in.named(username, password, address)
        except Denied:
            return None
        return Visitor(
            username,
            frozenset(user.allowed_commands),
            user.per_minute_limit,
            lambda messages: self._sign_in.take(user, messages),
        )
