"""The contract suite uses what the mail tests share."""

from tests.mail.conftest import authority, make_house

__all__ = ["authority", "make_house"]
