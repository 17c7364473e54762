"""Which of the texts that were streamed the texts of an item's final state are.

Rules of this file:

- Servers disagree with themselves about indexes: one goes on counting after the reasoning, one
  takes a new index with every delta, and both list one text at 0 in the end.
- A final state with as many texts as were streamed, or more, says what each of them is. One with
  fewer texts does not: the texts that were streamed are then the item's texts, in order, and a
  whole text that equals them joined adds nothing.
- Two equal texts are two texts ("ha", and a final "ha", "ha").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["align", "may_be_all", "rest_of"]


def align(streamed: Sequence[str], final: Sequence[str]) -> list[tuple[int | None, str]]:
    """Return the texts of an item, in order, each with its place in STREAMED, or None if new.

    Args:
        streamed: What the deltas brought.
        final: The texts of the final state, if their indexes are not those of the deltas.
    """
    if len(final) < len(streamed):
        return list(enumerate(_joined(streamed, final)))
    texts: list[tuple[int | None, str]] = []
    place = 0
    for number, text in enumerate(final):
        left = len(streamed) - place
        if left and (text.startswith(streamed[place]) or left == len(final) - number):
            texts.append((place, text))
            place += 1
        else:
            texts.append((None, text))
    return texts


def _joined(streamed: Sequence[str], final: Sequence[str]) -> list[str]:
    """Return the texts of an item whose final state has fewer texts than were streamed."""
    said, whole = "".join(streamed), "".join(final)
    if said.startswith(whole):
        return list(streamed)
    if whole.startswith(said):
        return [*streamed[:-1], streamed[-1] + whole[len(said) :]]
    return [*final, *[""] * (len(streamed) - len(final))]


def may_be_all(said: str, value: str) -> bool:
    """Return whether VALUE, stated as a whole text, may be SAID and what comes after it."""
    return said != "" and (said.startswith(value) or value.startswith(said))


def rest_of(said: str, value: str) -> str:
    """Return what of VALUE, a whole text, was not SAID."""
    return value[len(said) :] if value.startswith(said) else ""
