"""Reading a stream of the Chat Completions wire in every way, and comparing it with what is right.

Rules of this file: it knows no manner. Right values are those of ``outcomes``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import environment
from tests.support.chat_frames import DONE, USAGE, choices, chunk, stop
from tests.support.frames import Frame, random_pieces, sse
from tests.support.outcomes import Outcome, read, wrong_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ANSWER", "ENDS", "answers", "check", "check_answers", "escaped", "read_every_way"]

ANSWER = chunk(content="A")
ENDS = (stop(), DONE)


def escaped(*sent: Frame) -> bytes:
    """Write frames with every character beyond ASCII escaped."""
    return sse(*((name, x if isinstance(x, str) else json.dumps(x)) for name, x in sent))


def read_every_way(data: bytes, dialect: str = "chat") -> Outcome:
    """Read DATA whole, in pieces with other line ends, without fast paths: all agree."""
    out = read(data, dialect)
    others = data if b"\r" in data else data.replace(b"\n", b"\r\n")
    assert out == read(random_pieces(others, 10, most=20), dialect)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "FAST", False)
        assert out == read(data, dialect)
    return out


def check(data: bytes | Sequence[Frame], dialect: str = "chat", **right: Any) -> Outcome:
    """Read a stream in every way, and compare it with what is right."""
    out = read_every_way(data if isinstance(data, bytes) else escaped(*data), dialect)
    assert {} == wrong_values(right, out), out
    return out


def answers(*sent: Frame, reason: str = "stop") -> Iterator[list[Frame]]:
    """Yield the frames SENT with each ending that a good answer has."""
    yield [*sent, stop(reason), DONE]
    yield [*sent, stop(reason)]
    yield [*sent, stop(reason), choices(usage=USAGE), chunk(), DONE]


def check_answers(*sent: Frame, **right: Any) -> None:
    """Compare an answer of text with what is right, whatever its ending."""
    for number, data in enumerate(answers(*sent)):
        expected = {"text": "A", "reasoning": "", "summary": "", "status": "completed", **right}
        if number:
            assert {} == wrong_values(expected, read(escaped(*data), "chat"))
        else:
            check(data, **expected)
