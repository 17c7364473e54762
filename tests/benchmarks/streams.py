r"""The streams that everything is measured with, on every wire: bytes, always the same.

They have the shapes that servers send: the order of keys, the nulls, what stands in each delta.
The words are made here. Some pieces hold quotes, backslashes, line ends and non-ASCII characters,
these as raw UTF-8 and, rarely, as ``\u`` escapes. One event is one chunk, unless said otherwise.

- **S**: one run, one message of 200 deltas.
- **L**: one run, one message of 20,000 deltas of about 4 characters.
- **T**: one run, 5,000 deltas of tools and of reasoning, as the wire has them, and messages.
- **M**: 2,000 short runs one after the other, each its own stream.
- **L64**: L in chunks of 64 KiB.

A wire has kinds of S, L and L64 besides, in which its deltas have something more, or are of
something else than text: ``L-logprobs``. What that is stands in ``WIRES``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from tests.benchmarks.assistants_streams import AssistantsRun
from tests.benchmarks.chat_streams import ChatRun
from tests.benchmarks.frames import in_chunks
from tests.benchmarks.responses_streams import ResponsesRun

__all__ = [
    "LENGTHS",
    "MAIN",
    "SIZES",
    "WIRES",
    "Case",
    "Wire",
    "cases_of",
    "make_case",
    "message_stream",
]

#: How many deltas the streams have; M: how many runs.
SIZES: Final = {"S": 200, "L": 20_000, "T": 5_000, "M": 2_000, "L64": 20_000}
#: The streams that are measured with every contestant.
MAIN: Final = tuple(SIZES)
#: Those of which there are other kinds.
LENGTHS: Final = ("L", "S", "L64")

#: Deltas in each of M's runs, and bytes in each of L64's chunks.
_SHORT: Final = 6
_CHUNK: Final = 1 << 16

_Run: TypeAlias = AssistantsRun | ResponsesRun | ChatRun


class Kind(NamedTuple):
    """What is another in the streams of a kind.

    Attributes:
        title: What the report calls it.
        make: Makes the one who makes the stream.
        method: Which of its methods makes the frames.
    """

    title: str
    make: Callable[[random.Random], _Run]
    method: str = "text"


class Wire(NamedTuple):
    """The streams of one wire.

    Attributes:
        title: What the report calls it.
        kinds: By name; the first, without a name, is that of the main streams.
        prelude: How many events come before the first delta of a message.
        ending: How many come after the last.
    """

    title: str
    kinds: Mapping[str, Kind]
    prelude: int
    ending: int


WIRES: Final[Mapping[str, Wire]] = {
    "assistants": Wire("Assistants", {"": Kind("text", AssistantsRun)}, 7, 4),
    "responses": Wire(
        "Responses",
        {
            "": Kind("text", ResponsesRun),
            "bare": Kind("without obfuscation", partial(ResponsesRun, obfuscated=False)),
            "logprobs": Kind("logprobs", partial(ResponsesRun, logprobs=True)),
            "reasoning": Kind("reasoning summary", ResponsesRun, "thinking"),
            "arguments": Kind("arguments", ResponsesRun, "calling"),
        },
        4,
        4,
    ),
    "chat": Wire(
        "Chat Completions",
        {
            "": Kind("text", ChatRun),
            "obfuscation": Kind("obfuscation", partial(ChatRun, obfuscated=True)),
            "logprobs": Kind("logprobs", partial(ChatRun, logprobs=True)),
            "usage": Kind("usage in each chunk", partial(ChatRun, server="vllm")),
            "crlf": Kind("CRLF", partial(ChatRun, line_end="\r\n")),
            "reasoning": Kind(
                "`reasoning_content`", partial(ChatRun, server="deepseek"), "thinking"
            ),
            "arguments": Kind("arguments", ChatRun, "calling"),
        },
        1,
        3,
    ),
}

#: T's method, and what makes it where that is not what makes text.
_TOOLS: Final[Mapping[str, Callable[[random.Random], _Run]]] = {
    "chat": partial(ChatRun, server="deepseek")
}


class Case(NamedTuple):
    """One of S, L, T, M, L64, or of their kinds, on one wire.

    Attributes:
        wire: A key of ``WIRES``.
        name: A key of ``SIZES``; behind a hyphen the kind, if it is not text.
        streams: For each run its chunks.
        events: How many events all streams together have.
        deltas: How many deltas of text and of reasoning of them.
        texts: For each message of all streams its text.
        arguments: For each call of a function its arguments.
        reasoning: For each text of reasoning, or part of a summary, the whole.
    """

    wire: str
    name: str
    streams: list[list[bytes]]
    events: int
    deltas: int
    texts: list[str]
    arguments: list[str]
    reasoning: list[str]

    @property
    def key(self) -> str:
        """Wire and name."""
        return f"{self.wire} {self.name}"


def cases_of(wire: str) -> list[str]:
    """Return the names of all cases of WIRE: the main ones, then the kinds."""
    kinds = [kind for kind in WIRES[wire].kinds if kind]
    return [*MAIN, *(f"{length}-{kind}" for kind in kinds for length in LENGTHS)]


def make_case(wire: str, name: str, size: int | None = None) -> Case:
    """Make the case NAME of WIRE, of SIZE deltas (M: runs) instead of its own."""
    length, _, named = name.partition("-")
    size = SIZES[length] if size is None else size
    # The same words in chunks of any size.
    chance = random.Random(f"{wire} {name.replace('L64', 'L')} {size}")
    kind = WIRES[wire].kinds[named]
    make, method = kind.make, kind.method
    if length == "T":
        make, method = _TOOLS.get(wire, make), "tools"
    runs = [make(chance) for _ in range(size if length == "M" else 1)]
    deltas = _SHORT if length == "M" else size
    streams = [list(getattr(run, method)(deltas)) for run in runs]
    events = sum(map(len, streams))
    if length == "L64":
        streams = [in_chunks(frames, _CHUNK) for frames in streams]
    return Case(
        wire,
        name,
        streams,
        events,
        deltas=sum(run.deltas for run in runs),
        texts=[text for run in runs for text in run.texts],
        arguments=[text for run in runs for text in run.arguments],
        reasoning=[text for run in runs for text in run.reasoning],
    )


def message_stream(deltas: int, wire: str = "assistants") -> Iterator[bytes]:
    """Make a stream with one message of DELTAS deltas, without keeping any of it."""
    return WIRES[wire].kinds[""].make(random.Random(f"one message {deltas}")).text(deltas)
