"""Read a recorded answer as the channel would have read it from the port."""

from __future__ import annotations

from dataclasses import dataclass

from hw.at.codec import Answer, AtCodec, Final, News, Noise, Prompt, Token
from hw.at.vocabulary import Result


@dataclass(frozen=True)
class Transcript:
    """What a recording says: the answer's lines, the news among them, the end, and unknown lines.

    result is None when no final result came; ``complete_without_final`` tells of old modems that
    answer AT+CPIN? with the information line alone.
    """

    lines: tuple[str, ...]
    news: tuple[News, ...]
    noise: tuple[str, ...]
    result: Result | None
    prompts: int

    @property
    def complete_without_final(self) -> bool:
        return self.result is None and bool(self.lines)


def read_transcript(raw: bytes, command: str | None) -> Transcript:
    """Feed a recording to the codec with command pending (None: nothing was asked).

    Where the recording has a prompt, the body went out at that moment.
    """
    codec = AtCodec()
    if command is not None:
        codec.expect(command, prompt=command.upper().startswith(("AT+CMGS=", "AT+CMGW=")))
    tokens: list[Token] = []
    for byte in raw if raw.endswith((b"\r", b"\n")) else raw + b"\r\n":
        tokens += codec.feed(bytes((byte,)))
        if tokens and isinstance(tokens[-1], Prompt):
            codec.expect_body("")
    return Transcript(
        lines=tuple(token.text for token in tokens if isinstance(token, Answer)),
        news=tuple(token for token in tokens if isinstance(token, News)),
        noise=tuple(token.text for token in tokens if isinstance(token, Noise)),
        result=next((token.result for token in tokens if isinstance(token, Final)), None),
        prompts=sum(isinstance(token, Prompt) for token in tokens),
    )
