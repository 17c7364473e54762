"""Keeps the text of an answer.

Rules of this file: text is collected from ``MessageTextDelta`` events through ``observes``, so
that neither the order of base classes nor an overridden callback can lose any; storage is made at
first use, so that no ``__init__`` is needed; n deltas cost O(n), even if ``text`` is read at
each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stream_core.events import MessageTextDelta
from stream_core.models import Text

from .base import EventHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.events import Event

__all__ = ["TextAccumulator", "TextAccumulatorMixin"]


class _Said:
    """Texts by message and part, and all of them joined.

    The joined text is made at the first read and then grows along, as long as text comes at its
    end, as it does from every server. While text comes elsewhere, each read joins it anew.
    """

    def __init__(self) -> None:
        # Messages in the order they appeared; the parts of each by the wire's index.
        self._messages: dict[str, dict[int, Text]] = {}
        self._where: tuple[str, int] | None = None
        self._part = Text()
        self._whole: Text | None = None
        self._at_end = False

    def add(self, message_id: str, index: int, piece: str) -> None:
        """Append PIECE to the part at INDEX of a message."""
        if (message_id, index) != self._where:
            self._turn_to(message_id, index)
        self._part.grow(piece)
        if self._whole is not None:
            self._whole.grow(piece)

    def _turn_to(self, message_id: str, index: int) -> None:
        """Make the part at INDEX of a message the one to append to."""
        parts = self._messages.setdefault(message_id, {})
        self._where, self._part = (message_id, index), parts.setdefault(index, Text())
        self._at_end = message_id == next(reversed(self._messages)) and index == max(parts)
        if not self._at_end:
            self._whole = None

    @property
    def texts(self) -> dict[str, str]:
        """The text of each message, in the order they appeared."""
        return {
            message_id: "".join([parts[index].value for index in sorted(parts)])
            for message_id, parts in self._messages.items()
        }

    @property
    def text(self) -> str:
        """All texts joined."""
        if self._whole is None:
            whole = Text("".join(self.texts.values()))
            if not self._at_end:
                return whole.value
            self._whole = whole
        return self._whole.value


class TextAccumulatorMixin:
    """Adds ``text`` and ``texts`` to an :class:`EventHandler`, in any order of base classes.

    ::

        class Printer(TextAccumulatorMixin, EventHandler):
            def on_done(self):
                print(self.text)

    It needs no ``super().__init__()`` and no ``super().on_text_delta(...)``. Text is added before
    the callbacks of its event run. Streams that follow one another add to the same text: an
    answer that continues after a tool round is one text. Refusals are not text. One instance
    should not serve streams in several threads at a time.
    """

    observes: ClassVar[Mapping[type[Event], str]] = {MessageTextDelta: "_keep_text"}

    __said: _Said | None = None

    def _keep_text(self, event: MessageTextDelta) -> None:
        """Add the text of EVENT."""
        if self.__said is None:
            self.__said = _Said()
        if event.delta.value:
            self.__said.add(event.message_id, event.index, event.delta.value)

    @property
    def text(self) -> str:
        """The texts of all messages so far, in order, joined without a separator."""
        return "" if self.__said is None else self.__said.text

    @property
    def texts(self) -> dict[str, str]:
        """The text of each message so far by message id, in the order they appeared; a copy.

        A message's text parts are joined in order of their index, without a separator.
        """
        return {} if self.__said is None else self.__said.texts

    def clear(self) -> None:
        """Forget the text kept so far."""
        self.__said = None


class TextAccumulator(TextAccumulatorMixin, EventHandler):
    """A handler that keeps the text and does nothing else."""
