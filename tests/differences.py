"""Where openai-python's handler and ours tell one stream differently, and why ours is right.

Rules of this file:

- A log is what a handler was told, as facts: plain values taken in the moment of telling, from
  either library's objects. It falls into groups: a call of ``on_event`` and what followed it.
- A :class:`Difference` explains one class of difference. Its ``explain`` looks at both logs and
  at the blocks of the stream, takes away (or puts right) exactly what it explains, and returns
  whether there was any of it. What no difference explains stays in the logs.
- Where openai-python gives up, there is nothing left to compare: both logs are cut there. Ours
  must then go on to its own end, which the test checks.
- Conditions are taken from the stream's blocks, not from our log, wherever that is possible.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


# --- Facts ------------------------------------------------------------------------------


@attrs.frozen
class Annotation:
    """An annotation of a text."""

    type: str
    text: str
    start_index: int | None


@attrs.frozen
class Text:
    """A text, or a delta of one; the value is None where a delta has none."""

    value: str | None
    annotations: tuple[Annotation, ...]


@attrs.frozen
class Part:
    """A content part; ``text`` is a Text, or the file, address or refusal of other types."""

    type: str
    text: Text | str


@attrs.frozen
class Message:
    """A message; a delta has neither id nor status."""

    id: str
    status: str
    parts: tuple[Part, ...]


@attrs.frozen
class Call:
    """A tool call; ``arguments`` is the input of a code interpreter; only deltas have an index."""

    type: str
    id: str
    name: str
    arguments: str
    output: tuple[str, ...]
    index: int | None = None


@attrs.frozen
class Step:
    """A run step; a delta has neither id nor status."""

    id: str
    status: str
    calls: tuple[Call, ...]


@attrs.frozen
class Entry:
    """One callback: what it was about, and for a delta the snapshot.

    ``on_event`` has the event's name and the id of its data, ``on_exception`` the kind of
    failure; what a finished stream returns stands last, under the name of the method.
    """

    callback: str
    subject: Any = None
    snapshot: Any = None


Group: TypeAlias = list[Entry]


@attrs.frozen
class Block:
    """One block of a stream that is more than comments, and its data as JSON, or None."""

    name: str
    data: str
    payload: Any

    @property
    def id(self) -> str:
        """The id in the data, or nothing."""
        return str(self.payload.get("id", "")) if isinstance(self.payload, dict) else ""

    def parts(self) -> list[dict[str, Any]]:
        """The parts of a message's delta."""
        if self.name != "thread.message.delta" or not isinstance(self.payload, dict):
            return []
        return list(self.payload["delta"]["content"])

    def calls(self) -> list[dict[str, Any]]:
        """The calls of a step's delta."""
        if self.name != "thread.run.step.delta" or not isinstance(self.payload, dict):
            return []
        details = self.payload["delta"].get("step_details") or {}
        return list(details.get("tool_calls") or [])


BOM = b"\xef\xbb\xbf"
LAST_STATUSES = ("requires_action", "completed", "incomplete", "failed", "cancelled", "expired")
ENDINGS = ("completed", "incomplete", "failed", "cancelled", "expired")


def _blocks(data: bytes) -> Iterator[Block]:
    """Split a stream in the simplest way; lines end with LF or CRLF."""
    whole = data.removeprefix(BOM).decode().replace("\r\n", "\n")
    for block in whole.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = [(name, value.strip()) for name, _, value in (x.partition(":") for x in lines)]
        joined = "\n".join(value for name, value in fields if name == "data")
        try:
            payload = json.loads(joined)
        except ValueError:
            payload = None
        if fields:
            yield Block(dict(fields).get("event", ""), joined, payload)


@attrs.define
class Logs:
    """Both logs of one stream, and the stream.

    Attributes:
        data: The stream.
        theirs: Groups of openai-python's log.
        ours: Groups of our log.
        blocks: What the stream says; the group of a block has the same index as long as
            every block before it was an event.
        gave_up: Whether the logs were cut because openai-python gave up.
    """

    data: bytes
    theirs: list[Group]
    ours: list[Group]
    blocks: list[Block] = attrs.field(init=False)
    gave_up: bool = False

    def __attrs_post_init__(self) -> None:
        """Split the stream."""
        self.blocks = list(_blocks(self.data))

    def cut(self, at: int) -> bool:
        """Leave only the first AT groups of both logs; return True."""
        del self.theirs[at:], self.ours[at:]
        self.gave_up = True
        return True

    def pairs(self) -> Iterator[tuple[Group, Group]]:
        """Groups of the same event, theirs and ours."""
        yield from zip(self.theirs, self.ours, strict=False)

    def block(self, at: int) -> Block:
        """Return the block with this index, or an empty one after the last."""
        return self.blocks[at] if at < len(self.blocks) else Block("", "", None)

    def failure(self, log: list[Group]) -> tuple[int, str]:
        """Return where in LOG ``on_exception`` is and its kind, or (-1, "")."""
        found = ((i, group[0].subject) for i, group in enumerate(log) if is_group(group, FAILED))
        return next(found, (-1, ""))


FAILED = "on_exception"


def is_group(group: Group, callback: str, subject: object = None) -> bool:
    """Whether GROUP begins with this callback, and about SUBJECT if one is given."""
    return group[0].callback == callback and subject in (None, group[0].subject)


def remove(group: Group, wrong: Callable[[Entry], bool]) -> bool:
    """Remove the entries that are WRONG; return whether there were any."""
    kept = [entry for entry in group if not wrong(entry)]
    changed = len(kept) != len(group)
    group[:] = kept
    return changed


def rewrite(value: Any, wanted: type[T], change: Callable[[T], T]) -> Any:
    """Return VALUE with CHANGE applied to every WANTED in it."""
    if isinstance(value, wanted):
        return change(value)
    if isinstance(value, tuple):
        return tuple(rewrite(item, wanted, change) for item in value)
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        changes = {name: rewrite(getattr(value, name), wanted, change) for name in names}
        return attrs.evolve(value, **changes)
    return value


def rewrite_theirs(logs: Logs, wanted: type[T], change: Callable[[T], T]) -> bool:
    """Apply CHANGE to every WANTED in their log; return whether anything changed."""
    before = [list(group) for group in logs.theirs]
    for group in logs.theirs:
        group[:] = [rewrite(entry, wanted, change) for entry in group]
    return before != logs.theirs


def told(log: list[Group], callback: str) -> list[Any]:
    """Return what all calls of CALLBACK were about."""
    return [entry.subject for group in log for entry in group if entry.callback == callback]


# --- The ends of a stream ---------------------------------------------------------------


def done_event(logs: Logs) -> bool:
    """Our on_event has ``done``; theirs never."""
    kept = [group for group in logs.ours if group != [Entry("on_event", ("done", ""))]]
    changed = len(kept) != len(logs.ours)
    logs.ours[:] = kept
    return changed


def error_event(logs: Logs) -> bool:
    """Our on_event has ``error`` before on_exception; theirs has on_exception alone."""
    at, kind = logs.failure(logs.theirs)
    error = [Entry("on_event", ("error", ""))]
    if kind != "server error" or logs.ours[at] != error:
        return False
    del logs.ours[at]
    return True


def bare_error(logs: Logs) -> bool:
    """An error that is not wrapped: for theirs an event without a name."""
    at, kind = logs.failure(logs.ours)
    found = [i for i, block in enumerate(logs.blocks) if block.name == "error"]
    if kind != "server error" or found != [at - 1] or "error" in logs.blocks[at - 1].payload:
        return False
    nameless = [Entry("on_event", (None, ""))]
    return nameless == logs.theirs[at - 1] and logs.cut(at - 1)


def cut_short(logs: Logs) -> bool:
    """The bytes end before the run does: for theirs a success."""
    at, kind = logs.failure(logs.ours)
    names = [block.name.removeprefix("thread.run.") for block in logs.blocks]
    if kind != "cut short" or {"done", *LAST_STATUSES} & set(names):
        return False
    return is_group(logs.theirs[at], "on_end") and logs.cut(at)


def unterminated(logs: Logs) -> bool:
    """The last block has no blank line after it: theirs drops it."""
    if logs.data.endswith((b"\n\n", b"\n\r\n")) or logs.failure(logs.theirs) != (-1, ""):
        return False
    last = len(logs.blocks) - 1
    dropped = is_group(logs.theirs[last], "on_end") and not is_group(logs.ours[last], "on_end")
    return dropped and logs.cut(last)


# --- Where openai-python gives up -------------------------------------------------------


def no_data(logs: Logs) -> bool:
    """A block without data is for theirs a bad frame, for ours no event."""
    at, kind = logs.failure(logs.theirs)
    if kind != "bad frame" or logs.block(at).data or is_group(logs.ours[at], FAILED):
        return False
    return logs.cut(at)


def placeholder(logs: Logs) -> bool:
    """A delta for something never announced is for theirs a KeyError or RuntimeError."""
    at, kind = logs.failure(logs.theirs)
    block = logs.block(at - 1)
    known = {one.id for one in logs.blocks[: max(at - 1, 0)]}
    if kind not in {"KeyError", "RuntimeError"} or not block.name.endswith(".delta"):
        return False
    created = block.name.removesuffix("delta") + "created"
    announced = is_group(logs.ours[at - 1], "on_event", (created, block.id))
    return block.id not in known and announced and logs.cut(at - 1)


def any_index(logs: Logs) -> bool:
    """A part that comes before one with a lower index is for theirs an IndexError."""
    at, kind = logs.failure(logs.theirs)
    seen = {part["index"] for block in logs.blocks[: max(at - 1, 0)] for part in block.parts()}
    gap = any(part["index"] > len(seen) for part in logs.block(at - 1).parts())
    return kind == "IndexError" and gap and logs.cut(at - 1)


def lost_parts(logs: Logs) -> bool:
    """A message that ends with fewer parts than it had is for theirs an IndexError."""
    at, kind = logs.failure(logs.theirs)
    block = logs.block(at - 1)
    ends = block.name.startswith("thread.message.") and not block.name.endswith(".delta")
    return kind == "IndexError" and ends and not block.payload["content"] and logs.cut(at - 1)


def wrong_type(logs: Logs) -> bool:
    """A payload of the wrong type: theirs tells the event and then falls over it."""
    at, kind = logs.failure(logs.ours)
    if kind != "bad frame" or logs.block(at).payload is None:
        return False
    wrong = logs.failure(logs.theirs)
    return wrong[0] == at + 1 and wrong[1] in {"TypeError", "RuntimeError"} and logs.cut(at)


# --- Names ------------------------------------------------------------------------------


def byte_order_mark(logs: Logs) -> bool:
    """A BOM hides the first event's name from theirs."""
    if not logs.data.startswith(BOM) or not is_group(logs.theirs[0], "on_event", (None, "")):
        return False
    logs.theirs[0] = [Entry("on_event", (logs.blocks[0].name, logs.blocks[0].id))]
    return True


def foreign_name(logs: Logs) -> bool:
    """An unknown name that does not begin with ``thread.`` is lost, or a bad frame."""
    changed = False
    for at, block in enumerate(logs.blocks):
        if not block.name or block.name.startswith("thread.") or block.name in {"error", "done"}:
            continue
        mine = [Entry("on_event", (block.name, block.id))]
        if at < len(logs.theirs) and logs.ours[at] == mine:
            if is_group(logs.theirs[at], FAILED, "bad frame") and block.payload is None:
                return logs.cut(at)
            if is_group(logs.theirs[at], "on_event", (None, "")):
                logs.theirs[at] = mine
                changed = True
    return changed


# --- Merging ----------------------------------------------------------------------------


def _multiple(text: str, known: set[str]) -> str:
    """Return the one of KNOWN that TEXT repeats, or TEXT."""
    return next((one for one in known if one and text == one * (len(text) // len(one))), text)


def repeated_name(logs: Logs) -> bool:
    """Id and name of a call that are sent again concatenate in theirs."""
    sent = [call for block in logs.blocks for call in block.calls() if call.get("id")]
    again = Counter(call["id"] for call in sent)
    ids = {one for one, times in again.items() if times > 1}
    names = {call["function"]["name"] for call in sent if call["id"] in ids and "function" in call}

    def mended(call: Call) -> Call:
        return attrs.evolve(call, id=_multiple(call.id, ids), name=_multiple(call.name, names))

    return bool(ids) and rewrite_theirs(logs, Call, mended)


def repeated_annotation(logs: Logs) -> bool:
    """An annotation that is sent again has its numbers summed in theirs."""
    sent = [
        Annotation(one["type"], one["text"], one.get("start_index"))
        for block in logs.blocks
        for part in block.parts()
        for one in (part.get("text") or {}).get("annotations", ())
    ]
    wrong = {
        Annotation(one.type, one.text * 2, (one.start_index or 0) * 2): one
        for one, times in Counter(sent).items()
        if times > 1
    }
    return rewrite_theirs(logs, Annotation, lambda found: wrong.get(found, found))


# --- Order ------------------------------------------------------------------------------


def own_callback_first(logs: Logs) -> bool:
    """The delta's own callback comes last in theirs, and before what follows from it in ours."""
    changed = False
    for group in logs.theirs:
        if group[-1].callback in {"on_message_delta", "on_run_step_delta"} and len(group) > 2:
            group.insert(1, group.pop())
            changed = True
    return changed


def done_before_next(logs: Logs) -> bool:
    """In one delta theirs begins the next part before it ends the old one.

    Explained where both told the same, each callback in the same order, and in ours no part
    begins while another is open.
    """
    changed = False
    for theirs, ours in logs.pairs():
        if theirs == ours or Counter(theirs) != Counter(ours):
            continue
        names = {entry.callback for entry in theirs}
        same = all(
            [x for x in theirs if x.callback == name] == [x for x in ours if x.callback == name]
            for name in names
        )
        if same and "on_text_created" in names and _in_turn(ours):
            theirs[:] = ours
            changed = True
    return changed


def _in_turn(group: Group) -> bool:
    """Whether in GROUP a part that began is done before the next begins."""
    begun = [x.callback for x in group if x.callback in {"on_text_created", "on_text_done"}]
    return "on_text_created on_text_created" not in " ".join(begun)


# --- Exactly once -----------------------------------------------------------------------


def first_fragment(logs: Logs) -> bool:
    """The fragment that a call begins with is no on_tool_call_delta in theirs."""
    changed = False
    for group in logs.theirs:
        for entry in [x for x in group if x.callback == "on_tool_call_created"]:
            fragment = _fragment(group, entry.subject)
            if fragment is not None and fragment not in group:
                group.insert(group.index(entry) + 1, fragment)
                changed = True
    return changed


def _fragment(group: Group, call: Call) -> Entry | None:
    """Return the on_tool_call_delta of CALL that the group's on_run_step_delta amounts to."""
    for entry in group:
        if entry.callback == "on_run_step_delta":
            for delta in entry.subject.calls:
                snapshot = entry.snapshot.calls[delta.index]
                if snapshot == call:
                    return Entry("on_tool_call_delta", delta, snapshot)
    return None


def created_again(logs: Logs) -> bool:
    """Fragments of two calls in turn: theirs begins a call again at each change."""
    seen: set[str] = set()
    changed = False
    for group in logs.theirs:
        for at, entry in enumerate(group):
            if entry.callback != "on_tool_call_created":
                continue
            fragment = _fragment(group, entry.subject)
            if entry.subject.id in seen and fragment is not None:
                group[at] = fragment
                changed = True
            seen.add(entry.subject.id)
    return changed


def never_created(logs: Logs) -> bool:
    """A second step's call with the index of the first one's never begins in theirs."""
    seen: set[str] = set()
    changed = False
    for group in logs.theirs:
        for entry in list(group):
            if entry.callback == "on_tool_call_created":
                seen.add(entry.subject.id)
            elif entry.callback == "on_tool_call_delta" and entry.snapshot.id not in seen:
                group.insert(group.index(entry), Entry("on_tool_call_created", entry.snapshot))
                seen.add(entry.snapshot.id)
                changed = True
    return changed


def call_done_again(logs: Logs) -> bool:
    """A call is done in theirs at every change and ending that follows it."""
    once = Counter(call.id for call in told(logs.ours, "on_tool_call_done"))
    changed = False
    for theirs, ours in logs.pairs():
        here = {call.id for call in told([ours], "on_tool_call_done")}
        elsewhere = {one for one, times in once.items() if times == 1} - here
        changed |= remove(
            theirs,
            lambda x, ids=elsewhere: x.callback == "on_tool_call_done" and x.subject.id in ids,
        )
    return changed


def sent_again(logs: Logs) -> bool:
    """A created or ending that the server sends again is told again by theirs."""
    seen: set[tuple[str, str]] = set()
    changed = False
    for theirs, ours in logs.pairs():
        key = theirs[0].subject
        once = is_group(theirs, "on_event") and key[0].endswith((".created", *ENDINGS))
        if once and key in seen and ours == [theirs[0]] != theirs:
            del theirs[1:]
            changed = True
        seen.add(key)
    return changed


def part_goes_on(logs: Logs) -> bool:
    """Text for a part that another one followed: theirs ends parts again."""
    order = [(block.id, part["index"]) for block in logs.blocks for part in block.parts()]
    changes = [one for i, one in enumerate(order) if i == 0 or order[i - 1] != one]
    if len(set(changes)) == len(changes) or len(told(logs.ours, "on_text_done")) != len(set(order)):
        return False
    both = [*logs.theirs, *logs.ours]
    return any([remove(group, lambda x: x.callback == "on_text_done") for group in both])


def part_of_another(logs: Logs) -> bool:
    """A message's first delta ends a part of the message before it once more in theirs."""
    finished: list[Text | str] = []
    changed = False
    for theirs, ours in logs.pairs():
        if is_group(theirs, "on_event") and theirs[0].subject[0] == "thread.message.delta":
            stale = [x for x in theirs if x.callback == "on_text_done" and x not in ours]
            changed |= remove(theirs, lambda x, s=stale: x in s and x.subject in finished)
        finished += [part.text for one in told([theirs], "on_message_done") for part in one.parts]
    return changed


# --- What the end brings ----------------------------------------------------------------


def final_call(logs: Logs) -> bool:
    """At a step's end theirs tells the call as it was accumulated, ours as the server sent it."""
    changed = False
    for theirs, ours in logs.pairs():
        sent = {call.id: call for step in told([ours], "on_run_step_done") for call in step.calls}
        for at, entry in enumerate(theirs):
            mine = Entry("on_tool_call_done", sent.get(getattr(entry.subject, "id", "")))
            if entry.callback == mine.callback and entry != mine and ours[at : at + 1] == [mine]:
                theirs[at] = mine
                changed = True
    return changed


def call_without_delta(logs: Logs) -> bool:
    """A call that only the completed step has is told by ours."""
    known = {call["id"] for block in logs.blocks for call in block.calls() if call.get("id")}
    changed = False
    for ours in logs.ours:
        sent = {call for step in told([ours], "on_run_step_done") for call in step.calls}
        news = {call for call in sent if call.id not in known}
        names = {"on_tool_call_created", "on_tool_call_done"}
        changed |= remove(ours, lambda x, n=news, c=names: x.callback in c and x.subject in n)
    return changed


def text_without_delta(logs: Logs) -> bool:
    """Text that only the completed message has is told by ours."""
    changed = False
    for theirs, ours in logs.pairs():
        sent = {part.text for one in told([ours], "on_message_done") for part in one.parts}
        extra = [x for x in ours if x not in theirs and x.callback.startswith("on_text_")]
        ok = [x for x in extra if (x.snapshot or x.subject) in sent]
        changed |= remove(ours, lambda x, names=ok: x in names)
    return changed


def left_open(logs: Logs) -> bool:
    """What the server left open when the run ended is told done by ours."""
    ended = {block.id for block in logs.blocks if block.name.endswith(ENDINGS)}
    changed = False
    for theirs, ours in logs.pairs():
        name = str(ours[0].subject)
        over = is_group(ours, "on_event") and any(f"thread.run.{x}'" in name for x in ENDINGS)
        if not over:
            continue
        objects = [x for x in ours if x.callback in {"on_message_done", "on_run_step_done"}]
        parts = {p.text for x in objects for p in getattr(x.subject, "parts", ())}
        open_ = [x for x in objects if x.subject.id not in ended]
        open_ += [x for x in ours if x.callback == "on_text_done" and x.subject in parts]
        changed |= remove(ours, lambda x, o=open_, t=theirs: x in o and x not in t)
    return changed


def two_messages(logs: Logs) -> bool:
    """Two messages are open at once: theirs gives the deltas of both to the newer one.

    From the first such delta on only ``on_event`` is compared; ours must have told each
    message's own deltas, which add up to its text.
    """
    open_: list[str] = []
    for at, block in enumerate(logs.blocks):
        if block.name == "thread.message.created":
            open_.append(block.id)
        elif block.name.startswith("thread.message.") and block.name.endswith(ENDINGS):
            open_.remove(block.id)
        elif block.parts() and len(open_) > 1 and block.id != open_[-1]:
            assert all(
                entry.snapshot.id == group[0].subject[1]
                for group in logs.ours
                for entry in group
                if entry.callback == "on_message_delta"
            )
            for log in (logs.theirs, logs.ours):
                log[at:] = [[group[0]] for group in log[at:]]
            return True
    return False


def final_steps(logs: Logs) -> bool:
    """Theirs returns steps as they were accumulated, and not those that began elsewhere."""
    if not logs.ours or not is_group(logs.ours[-1], "get_final_run"):
        return False
    ended = {step.id: step for step in told(logs.ours, "on_run_step_done")}
    mine = next(x for x in logs.ours[-1] if x.callback == "get_final_run_steps")
    at = logs.ours[-1].index(mine)
    if logs.theirs[-1][at] == mine or any(ended[x.id] != x for x in mine.subject if x.id in ended):
        return False
    logs.theirs[-1][at] = mine
    return True
