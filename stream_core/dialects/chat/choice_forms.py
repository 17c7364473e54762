"""The forms in which a choice may have its part of the answer, other than ``delta`` alone.

Rules of this file:

- One whole ``message``, several ``messages`` (old Azure), a ``text`` (``/completions``): each
  becomes pieces of the form of a delta.
- What a delta says takes precedence over a whole message or a text beside it, which would be the
  same once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from stream_core.convert.payloads import structure
from stream_core.errors import DecodeError

from .chunks import ChunkDelta
from .content import wrong
from .fragments import read_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .chunks import ChunkChoice

__all__ = ["Piece", "choice_of", "pieces_of"]


@frozen
class Piece:
    """A part of an answer.

    Attributes:
        delta: What it says.
        path: Where it stands in its chunk, for errors.
        speaker: Which of several messages it is of.
        is_whole: Whether it is a whole message, so that what was delivered of it does not come
            again.
    """

    delta: ChunkDelta
    path: str
    speaker: int = 0
    is_whole: bool = False


def choice_of(raw: dict[str, Any], number: int) -> Any:
    """Return a choice of the chunk RAW as sent; if there is only one, it may not be in a list."""
    sent = raw["choices"]
    return sent[number] if isinstance(sent, list) else sent


def pieces_of(choice: ChunkChoice, sent: Any, path: str) -> Iterator[Piece]:
    """Yield what CHOICE adds to the answer.

    Args:
        choice: The choice.
        sent: The choice as sent.
        path: Where it stands in its chunk.

    Raises:
        DecodeError: Something that is needed has another type; what comes before it was yielded.
    """
    delta = choice.delta
    if choice.message is not None and not _says(sent.get("delta")):
        where = f"{path}.message"
        yield Piece(_as_delta(choice.message, where), where, is_whole=True)
        return
    if choice.text is not None and not _says(sent.get("delta")):
        if not isinstance(choice.text, str):
            raise wrong(f"{path}.text", choice.text, "a string")
        delta = evolve(delta, content=choice.text)
    yield Piece(delta, f"{path}.delta")
    messages = choice.messages if isinstance(choice.messages, list) else []
    for number, message in enumerate(messages):
        where = f"{path}.messages[{number}]"
        spoken = _as_delta(_spoken(message), where)
        speaker = read_index(message.get("index"), where)
        yield Piece(spoken, f"{where}.delta", number if speaker is None else speaker)


def _as_delta(sent: Any, path: str) -> ChunkDelta:
    """Return a whole message, or the delta of one, found at PATH.

    Raises:
        DecodeError: It is not an object, or what is needed of it has another type.
    """
    try:
        return ChunkDelta() if sent is None else structure(ChunkDelta, sent)
    except DecodeError as error:
        paths = [path + line.removeprefix("$") for line in error.paths]
        raise DecodeError("the data is not a ChatChunk", paths=paths) from error


def _spoken(message: Any) -> Any:
    """Return the delta in one of several messages; it may be the message itself."""
    if not isinstance(message, dict):
        return message
    return next((message[key] for key in ("delta", "message") if key in message), message)


def _says(delta: Any) -> bool:
    """Return whether DELTA, as sent, has anything but a role."""
    return isinstance(delta, dict) and any(x for key, x in delta.items() if key != "role")
