"""What an answer must bring back in the next round: reasoning, as its server sent it.

Rules of this file:

- Servers refuse the outputs of calls, or answer worse, without what they sent with the calls:
  DeepSeek wants ``reasoning_content``, vLLM ``reasoning``, OpenRouter ``reasoning_details``,
  Copilot ``reasoning_opaque``, Gemini ``extra_content``, Anthropic behind LiteLLM
  ``thinking_blocks``.
- Pieces are kept as they came, and joined when the message is made, as the clients of these
  servers join them: texts are appended; an object's texts are appended and its other keys
  replaced, unless null; details of one type and one index are one detail.
- What cannot be joined stays apart, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .content import objects_in

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ReturnedFields"]

#: The keys of an answer that are returned and are texts, or objects with one.
_TEXTS = ("reasoning_content", "reasoning", "reasoning_text")

#: Those that come whole; if they come again, the last one counts.
_WHOLE = ("reasoning_opaque", "extra_content")

#: Those that are lists of details.
_LISTS = ("reasoning_details", "thinking_blocks")

#: The keys of a detail that grow.
_GROWING = ("text", "summary", "data", "thinking")


class ReturnedFields:
    """The fields that one answer brings back."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pieces: dict[str, list[Any]] = {}

    @property
    def joined(self) -> list[str]:
        """The names of those that came so far and would grow if they came again."""
        return [name for name in self._pieces if name not in _WHOLE]

    def add(self, more: dict[str, Any]) -> None:
        """Keep what MORE, what servers add to a delta, has of them."""
        for name in (*_TEXTS, *_WHOLE, *_LISTS):
            value = more.get(name)
            if value:
                self._pieces.setdefault(name, []).append(value)

    def keeper(self, name: str) -> Callable[[str], object] | None:
        """Return what keeps another piece of the text NAME, of which there is one; else None."""
        return self._pieces[name].append if name in _TEXTS else None

    def to_dict(self) -> dict[str, Any]:
        """Return them as an assistant message has them."""
        made: dict[str, Any] = {}
        for name, pieces in self._pieces.items():
            if name in _WHOLE:
                made[name] = pieces[-1]
            elif name in _TEXTS:
                made[name] = _joined_text(pieces)
            else:
                made[name] = _joined_details(pieces)
        return made


def _joined_text(pieces: list[Any]) -> Any:
    """Join PIECES that are all texts or all objects; else return them as a list."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    if all(isinstance(piece, dict) for piece in pieces):
        joined: dict[str, Any] = {}
        for piece in pieces:
            _grow(joined, piece)
        return _spelt(joined)
    return pieces[0] if len(pieces) == 1 else pieces


def _joined_details(pieces: list[Any]) -> list[Any]:
    """Join the details in PIECES, each of which is a list of them."""
    joined: list[dict[str, Any]] = []
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for detail in objects_in([item for piece in pieces for item in _items(piece)]):
        key = str(detail.get("type")), str(detail.get("index"))
        known = newest.get(key)
        goes_on = known is not None and (detail.get("index") is not None or known is joined[-1])
        if known is None or not goes_on or not _same_id(known, detail):
            known = newest[key] = {}
            joined.append(known)
        _grow(known, detail)
    return [_spelt(detail) for detail in joined]


def _items(piece: Any) -> list[Any]:
    """Return PIECE, a list or one item of one, as a list."""
    return piece if isinstance(piece, list) else [piece]


def _same_id(known: dict[str, Any], detail: dict[str, Any]) -> bool:
    """Return whether the ids of two details allow them to be one."""
    return known.get("id") is None or detail.get("id") in (None, known["id"])


def _grow(known: dict[str, Any], detail: dict[str, Any]) -> None:
    """Add DETAIL to KNOWN, in which texts that grow are lists of pieces."""
    for key, value in detail.items():
        if key in _GROWING and isinstance(value, str):
            texts = known.get(key)
            if isinstance(texts, _Pieces):
                texts.append(value)
            else:
                known[key] = _Pieces([value])
        elif value is not None or key not in known:
            known[key] = value


class _Pieces(list[str]):
    """The pieces of a text that grows."""


def _spelt(detail: dict[str, Any]) -> dict[str, Any]:
    """Return DETAIL with its texts joined."""
    return {
        key: "".join(value) if isinstance(value, _Pieces) else value
        for key, value in detail.items()
    }
