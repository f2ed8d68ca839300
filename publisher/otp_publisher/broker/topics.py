"""Which user may use which topic: lines of `user: pattern pattern`, `*` as the user for everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class TopicRules:
    """User → patterns with `*` and `?`. A user without a line may use what `*` may."""

    patterns: Mapping[str, Sequence[str]]
    bad_lines: tuple[int, ...] = ()

    def allow(self, user: str, topic: str) -> bool:
        mine = self.patterns.get(user, self.patterns.get("*", ()))
        return any(fnmatchcase(topic, pattern) for pattern in mine)


EVERYTHING = TopicRules({"*": ("*",)})


def parse(text: str) -> TopicRules:
    """Answers come on `<topic>.reply.<random>`: a user that awaits them needs `sms` and `sms.reply.*`."""
    patterns: dict[str, tuple[str, ...]] = {}
    bad: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        user, colon, rest = line.partition(":")
        if colon and user.strip():
            patterns[user.strip()] = tuple(rest.split())
        else:
            bad.append(number)
    return TopicRules(patterns, tuple(bad))
