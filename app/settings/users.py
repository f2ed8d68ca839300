"""Section users: who may use the browser admin, and what each may do there."""

from __future__ import annotations

from typing import ClassVar, Literal

from app.settings.checks import EmailOrNone, MsisdnOrNone, PasswordHashOrNone, TotpKeyOrNone, Username
from app.settings.option import option
from app.settings.section import About, Section

Role = Literal["administrator", "operator", "viewer"]
ROLES = {"administrator": "Administrator", "operator": "Operator", "viewer": "Viewer"}


class User(Section):
    """One person who may sign in to the pages."""

    about: ClassVar[About] = About(
        name="users",
        title="Administrators",
        reset="RESET_USER",
        many=True,
        key="username",
        help="People who sign in to these pages. Applications have API users of their own.",
    )

    username: Username = option(..., "User name")
    name: str = option("", "Name", longest=100)
    role: Role = option(
        "administrator",
        "Role",
        choices=ROLES,
        help="An operator sends and reads messages; a viewer looks; an administrator does everything.",
    )
    phone_number: MsisdnOrNone = option(
        "", "Phone number", help="A forgotten password is replaced by a code sent there."
    )
    email: EmailOrNone = option("", "E-mail")
    password: PasswordHashOrNone = option(
        "", "Password", hashed=True, help="At least 10 characters. Only its hash is kept."
    )
    totp_key: TotpKeyOrNone = option(
        "", "Authenticator key", secret=True, help="Set up by its owner, on the page Account."
    )
    active: bool = option(True, "Active")
    blocked: bool = option(False, "Blocked")
