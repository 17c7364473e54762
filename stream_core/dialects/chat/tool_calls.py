"""Tool calls on the Chat Completions wire: which call a fragment belongs to.

Rules of this file, in this order:

1. An id that is known: its call, whatever the index.
2. A fresh id and another name begin another call. A fresh id and the same name go on if the
   arguments are begun and unfinished, and what comes can follow them (vLLM makes up an id for
   every fragment); else they begin another call. A fresh id without a name waits for its name,
   unless its arguments go on with those of the call at its index; alone it is nothing.
3. No id, but an index: the call there. A name that differs begins another call, unless the call
   began with an id and is not whole: then it is a piece of the name. The same name begins another
   call if arguments come with it, or alone after it, and those before are a complete object;
   else it is nothing.
4. Neither id nor index: as 3, with the fragment's place among those of its chunk for an index,
   or, if it is alone there, with the newest call.
5. Under an index that is new, without id and name: what completes the unfinished call before it
   belongs to that call.

- A call begins with its name. A call without an id gets one, because its output has to be
  submitted under one; it is unique over all rounds.
- Arguments are appended as they come; what they mean is decided at the end (``arguments``).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from stream_core import models
from stream_core.dialects.arguments import can_follow, is_whole, meaning, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.dialects.run_writer import StepWriter

    from .fragments import Fragment

__all__ = ["ChatCalls"]

#: How many calls of one name a fragment with an id of its own may go on; the newest are tried.
_NEWEST = 16


@define(eq=False)
class _Call:
    """The state of a call beyond what its step holds.

    Attributes:
        number: Its place in the step.
        key: The index under which it began, or what stands for it.
        custom: Whether it calls a custom tool.
        id: Its id as sent; "" if the server sent none.
        name: Its name so far.
        pieces: The pieces of its arguments.
        extra: The fields that the server added; Gemini wants its ``extra_content`` back.
        function_extra: The fields that the server added to the function.
    """

    number: int
    key: int
    custom: bool
    id: str
    name: str
    pieces: list[str] = field(factory=list)
    extra: dict[str, Any] = field(factory=dict)
    function_extra: dict[str, Any] = field(factory=dict)


class ChatCalls:
    """The calls of one answer."""

    def __init__(self, open_step: Callable[[], StepWriter], ids: dict[str, bool]) -> None:
        """Begin without calls.

        Args:
            open_step: Begins the step that will write the calls; it is called for the first one.
            ids: The ids of all calls of the conversation, and whether each was made up here;
                those of this answer are added.
        """
        self._open_step = open_step
        self._written: StepWriter | None = None
        self._ids = ids
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_key: dict[int, _Call] = {}
        # The newest calls by key and name, and by name alone; keys and numbers of all, in order.
        self._named: dict[tuple[int | None, str], deque[_Call]] = {}
        self._places: list[tuple[int, int]] = []
        self._numbers = count()
        # Fragments that wait for a name or for arguments: by id, and by what stands for the index.
        self._waiting: dict[str, Fragment] = {}
        self._waiting_at: dict[int | None, Fragment] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def _step(self) -> StepWriter:
        """The step, which begins with the first call."""
        if self._written is None:
            self._written = self._open_step()
        return self._written

    @property
    def lost(self) -> bool:
        """Whether there are arguments, but no call to which they could belong."""
        return not self._calls and any(x.arguments for x in self._waiting_at.values())

    @property
    def _newest(self) -> _Call | None:
        """The newest call, or None."""
        return self._calls[-1] if self._calls else None

    @property
    def whole(self) -> bool:
        """Whether every call has all of its arguments, as far as they show it."""
        return all(x.custom or is_whole(self._arguments(x)) for x in self._calls)

    def add(self, fragment: Fragment, raw: Any) -> None:
        """Write FRAGMENT, which is part of the chunk RAW."""
        key = _key_of(fragment)
        call = self._by_id.get(fragment.id) if fragment.id else None
        if call is None:
            stable = False
            if self._waiting or self._waiting_at:
                fragment, stable = self._join_waiting(fragment, key)
            call = self._find(fragment, key, stable=stable)
        if call is None and not fragment.name:
            self._wait(fragment, key)
            return
        if call is None:
            call = self._begin(fragment, key, raw)
        else:
            self._learn(call, fragment, raw)
        if key is None or fragment.id or fragment.name or key in self._by_key:  # not by rule 5
            self._by_key[call.key if key is None else key] = call
        if fragment.extra or fragment.function_extra:
            call.extra.update(fragment.extra)
            call.function_extra.update(fragment.function_extra)
        if fragment.arguments:
            self._step.arguments(call.number, fragment.arguments, raw)
            call.pieces.append(fragment.arguments)

    def grower(self, call_id: str, index: int | None) -> Callable[[str], object] | None:
        """Return what keeps a piece of the arguments of the call that the last fragment was of.

        Args:
            call_id: The id of the fragment, which had no name, or "".
            index: Its index, or None.

        Returns:
            None if the next fragment may be of another call, or if nothing can be said.
        """
        if self._waiting or self._waiting_at:
            return None
        by_place = self._newest if index is None else self._by_key.get(index)
        call = self._by_id.get(call_id) if call_id else by_place
        return None if call is None else self._step.grower(call.number, call.pieces)

    def fresh(self, fragments: list[Fragment]) -> list[Fragment]:
        """Return those of FRAGMENTS, whole calls, that cannot be calls that are here already."""
        known = {(x.name, meaning(self._arguments(x))) for x in self._calls}
        return [
            x
            for x in fragments
            if x.id and x.id not in self._by_id and (x.name, meaning(x.arguments)) not in known
        ]

    def settle(self) -> None:
        """Decide what the arguments of each call mean: there are no more pieces."""
        for call in self._calls:
            final = None if call.custom else settled(call.pieces)
            if final is not None:
                known: Any = self._step.calls[call.number]
                known.function = models.Function(call.name, final)

    def to_messages(self) -> list[dict[str, Any]]:
        """Return the calls as an assistant message has them in ``tool_calls``."""
        messages = []
        for mine in self._calls:
            call: Any = self._step.calls[mine.number]
            kind, key = ("custom", "input") if mine.custom else ("function", "arguments")
            content = {"name": call.function.name, key: call.function.arguments}
            content = {**mine.function_extra, **content}
            messages.append({**mine.extra, "id": call.id, "type": kind, kind: content})
        return messages

    # --- Finding the call -----------------------------------------------------------------

    def _find(self, fragment: Fragment, key: int | None, *, stable: bool) -> _Call | None:
        """Return the call that FRAGMENT, whose id is not that of a call, belongs to, or None.

        Args:
            fragment: Joined with what waited for it.
            key: Its index or place, or None.
            stable: Whether its id came before, so that ids are not made up for each fragment.
        """
        there = self._newest if key is None else self._by_key.get(key)
        if there is None:
            return None if fragment.id or fragment.name else self._completed(fragment, key)
        if not fragment.id:
            return self._without_id(fragment, there)
        if stable:
            return None
        if fragment.name:
            same = self._named.get((key, fragment.name), ())
            mine = (x for x in reversed(same) if x.name == fragment.name)
            call = next((x for x in mine if self._goes_on(x, fragment)), None)
            if call is not None and call.id and not fragment.arguments:
                self._waiting[fragment.id] = fragment  # if it comes again, it is another call
            return call
        if not fragment.arguments:
            return None if there.id else there  # its id is late
        return there if self._goes_on(there, fragment) else None

    def _without_id(self, fragment: Fragment, there: _Call) -> _Call | None:
        """Return THERE, the call in the place of FRAGMENT, which has no id, or None."""
        if not fragment.name or fragment.only:
            return there
        if fragment.name != there.name:
            return there if there.id and not self._is_whole(there) else None
        if not self._is_whole(there):
            return there
        if fragment.arguments:
            return None
        self._waiting_at[_key_of(fragment)] = fragment
        return there

    def _goes_on(self, call: _Call, fragment: Fragment) -> bool:
        """Return whether FRAGMENT, with another id, can be more of CALL."""
        known = self._arguments(call)
        if call.custom:
            return not fragment.name
        if self._is_whole(call):
            return False
        if call.id and fragment.name and not known.strip():
            return False
        return can_follow(known, fragment.arguments)

    def _completed(self, fragment: Fragment, key: int | None) -> _Call | None:
        """Return the unfinished call before KEY that the arguments of FRAGMENT complete."""
        place = 0 if key is None else bisect_left(self._places, (key,))
        call = self._calls[self._places[place - 1][1]] if place else None
        if call is None or self._is_whole(call):
            return None
        return call if is_whole(self._arguments(call) + fragment.arguments) else None

    def _is_whole(self, call: _Call) -> bool:
        """Return whether the arguments of CALL are a complete object; an input never is."""
        return not call.custom and is_whole(self._arguments(call))

    def _arguments(self, call: _Call) -> str:
        """Return the arguments of CALL so far."""
        known: Any = self._step.calls[call.number]
        arguments: str = known.function.arguments
        return arguments

    # --- Waiting for a name ---------------------------------------------------------------

    def _join_waiting(self, fragment: Fragment, key: int | None) -> tuple[Fragment, bool]:
        """Join FRAGMENT with what waits for it; return also whether its id came before."""
        if fragment.id:
            earlier = self._waiting.pop(fragment.id, None)
            if earlier is not None and self._waiting_at.get(key) is earlier:
                del self._waiting_at[key]
        else:
            earlier = self._waiting_at.get(key)
            if earlier is not None and not self._waits_for(earlier, fragment, key):
                earlier = None
            if earlier is not None:
                del self._waiting_at[key]
                self._waiting.pop(earlier.id, None)
        if earlier is None:
            return fragment, False
        joined = evolve(
            fragment,
            id=fragment.id or earlier.id,
            name=fragment.name or earlier.name,
            arguments=earlier.arguments + fragment.arguments,
            custom=earlier.custom or fragment.custom,
            extra={**earlier.extra, **fragment.extra},
            function_extra={**earlier.function_extra, **fragment.function_extra},
        )
        return joined, bool(fragment.id)

    def _waits_for(self, earlier: Fragment, fragment: Fragment, key: int | None) -> bool:
        """Return whether EARLIER waits at KEY for FRAGMENT, which has no id."""
        if fragment.name:
            return True
        there = self._newest if key is None else self._by_key.get(key)
        if there is None:
            return True
        # Arguments alone go to the call that is there as long as it is unfinished; if they are
        # those it has, they were sent again.
        again = earlier.name and fragment.arguments == self._arguments(there)
        return bool(fragment.arguments) and self._is_whole(there) and not again

    def _wait(self, fragment: Fragment, key: int | None) -> None:
        """Keep FRAGMENT until its name comes."""
        if fragment.id:
            self._waiting[fragment.id] = fragment
        self._waiting_at[key] = fragment

    # --- Writing --------------------------------------------------------------------------

    def _begin(self, fragment: Fragment, key: int | None, raw: Any) -> _Call:
        """Write the beginning of a call."""
        number = len(self._calls)
        call = _Call(
            number, number if key is None else key, fragment.custom, fragment.id, fragment.name
        )
        self._calls.append(call)
        insort(self._places, (call.key, number))
        self._name(call)
        self._waiting_at.pop(key, None)
        if fragment.id:
            self._by_id[fragment.id] = call
        function = models.FunctionDelta(fragment.name, "")
        self._write(call, self._unique(fragment.id), function, raw)
        return call

    def _name(self, call: _Call) -> None:
        """Let CALL be found by its name."""
        for key in (call.key, None):
            self._named.setdefault((key, call.name), deque(maxlen=_NEWEST)).append(call)

    def _learn(self, call: _Call, fragment: Fragment, raw: Any) -> None:
        """Write the id or a piece of the name of a call that came after its beginning."""
        late_id = None
        if fragment.id and not call.id:
            call.id, late_id = fragment.id, self._unique(fragment.id)
            self._by_id[call.id] = call
        late_name = None
        if fragment.name and fragment.name != call.name:
            again = fragment.name.startswith(call.name)
            late_name = fragment.name if again else call.name + fragment.name
            call.name = late_name
            self._name(call)
        if late_id or late_name:
            self._write(call, late_id, models.FunctionDelta(late_name), raw)

    def _unique(self, sent: str) -> str:
        """Return the id SENT; a made-up one if there is none, or if it was made up before."""
        if sent and not self._ids.get(sent):
            self._ids[sent] = False
            return sent
        made = next(x for x in (f"call_{n}" for n in self._numbers) if x not in self._ids)
        self._ids[made] = True
        return made

    def _write(
        self, call: _Call, call_id: str | None, function: models.FunctionDelta, raw: Any
    ) -> None:
        """Write a delta of CALL."""
        custom: Any = {"custom": {}} if call.custom else None  # its input may be any text
        delta = models.FunctionToolCallDelta(
            call.number, call_id, "function", function, extra=custom
        )
        self._step.add(delta, raw)


def _key_of(fragment: Fragment) -> int | None:
    """Return what FRAGMENT is found by if it has no id; None stands for the newest call."""
    return fragment.place if fragment.index is None else fragment.index
