"""Where openai-python's handler and ours tell one stream differently, and why ours is right.

Rules of this file:

- A :class:`Difference` explains one class of difference. Its ``explain`` looks at both logs and
  at the blocks of the stream, takes away (or puts right) exactly what it explains, and returns
  whether there was any of it. What no difference explains stays in the logs.
- Conditions are taken from the stream's blocks wherever that is possible, and not from our log.
- Where openai-python gives up, there is nothing left to compare: both logs are cut there. Ours
  must then go on to its own end, which the test checks.
- ``python -m tests.differences`` prints docs/differences.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from tests.callback_logs import (
    BOM,
    ENDINGS,
    FAILED,
    LAST_STATUSES,
    NO_FAILURE,
    Annotation,
    Call,
    Entry,
    Group,
    Logs,
    Message,
    Part,
    Step,
    Text,
    is_group,
    remove,
    rewrite_theirs,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable


# --- The ends of a stream ---------------------------------------------------------------


def done_event(logs: Logs) -> bool:
    """Our on_event has ``done`` at every clean end; theirs never."""
    said = {block.name.removeprefix("thread.run.") for block in logs.blocks}
    done = any(block.data == "[DONE]" for block in logs.blocks)
    clean = "error" not in said and (done or said & set(LAST_STATUSES))
    if not clean or logs.failure(logs.theirs) != NO_FAILURE:
        return False
    ends = [i for i, group in enumerate(logs.theirs) if is_group(group, "on_end")]
    for at in ends:
        logs.theirs.insert(at, [Entry("on_event", ("done", ""))])
    return bool(ends)


def error_event(logs: Logs) -> bool:
    """Our on_event has ``error`` before on_exception; theirs has on_exception alone."""
    at, kind = logs.failure(logs.theirs)
    if kind != "server error" or logs.block(at).name != "error":
        return False
    logs.theirs.insert(at, [Entry("on_event", ("error", ""))])
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
    if logs.data.endswith((b"\n\n", b"\n\r\n")) or logs.failure(logs.theirs) != NO_FAILURE:
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
    if kind != "IndexError":
        return False
    seen = {part["index"] for block in logs.blocks[: max(at - 1, 0)] for part in block.parts()}
    gap = any(part["index"] > len(seen) for part in logs.block(at - 1).parts())
    return gap and logs.cut(at - 1)


def lost_parts(logs: Logs) -> bool:
    """A message that ends with fewer parts than it had is for theirs an IndexError."""
    at, kind = logs.failure(logs.theirs)
    block = logs.block(at - 1)
    ends = block.name.startswith("thread.message.") and block.name.endswith(ENDINGS)
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


def repeated_call(logs: Logs) -> bool:
    """What a call is sent again, id, name or all of its arguments, is concatenated in theirs."""
    sent = [call for block in logs.blocks for call in block.calls() if call.get("id")]
    times = Counter(call["id"] for call in sent)
    again = [call for call in sent if times[call["id"]] > 1]
    functions = [call["function"] for call in again if "function" in call]
    ids, names = {call["id"] for call in again}, {one.get("name") or "" for one in functions}
    counted = Counter(one.get("arguments") or "" for one in functions)
    whole = {one for one, count in counted.items() if count > 1}

    def mended(call: Call) -> Call:
        return attrs.evolve(
            call,
            id=_multiple(call.id, ids),
            name=_multiple(call.name, names),
            arguments=_multiple(call.arguments, whole),
        )

    return bool(ids) and rewrite_theirs(logs, Call, mended)


def repeated_annotation(logs: Logs) -> bool:
    """An annotation that is sent again has its numbers summed in theirs."""
    sent = [
        Annotation(one["type"], one["text"], one.get("start_index"))
        for block in logs.blocks
        for part in block.parts()
        for one in (part.get("text") or {}).get("annotations") or ()
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


def text_from_created(logs: Logs) -> bool:
    """A text part that its message was created with never begins in theirs."""
    given = {
        message.id: {i for i, part in enumerate(message.parts) if part.type == "text"}
        for message in told(logs.theirs, "on_message_created")
    }
    changed = False
    for at, group in enumerate(logs.theirs):
        for part in logs.block(at).parts():
            if part["index"] not in given.get(logs.block(at).id, ()):
                continue
            given[logs.block(at).id].discard(part["index"])
            for entry in [x for x in group if x.callback == "on_text_delta"]:
                group.insert(group.index(entry), Entry("on_text_created", entry.snapshot))
                changed = True
    return changed


def call_done_again(logs: Logs) -> bool:
    """A call is done in theirs at every change and ending that follows it."""
    once = Counter(call.id for call in told(logs.ours, "on_tool_call_done"))
    changed = False
    for theirs, ours in logs.pairs():
        here = {call.id for call in told([ours], "on_tool_call_done")}
        elsewhere = {one for one, times in once.items() if times == 1} - here
        done = [entry for entry in theirs if entry.callback == "on_tool_call_done"]
        changed |= remove(theirs, [entry for entry in done if entry.subject.id in elsewhere])
    return changed


def sent_again(logs: Logs) -> bool:
    """A created or ending that the server sends again is told again by theirs."""
    seen: set[tuple[str, str]] = set()
    changed = False
    for theirs, ours in logs.pairs():
        key = theirs[0].subject
        once = is_group(theirs, "on_event") and str(key[0]).endswith((".created", *ENDINGS))
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
    for group in [*logs.theirs, *logs.ours]:
        remove(group, [entry for entry in group if entry.callback == "on_text_done"])
    return True


def part_of_another(logs: Logs) -> bool:
    """A message's first delta ends a part of the message before it once more in theirs."""
    finished: list[Text | str] = []
    changed = False
    for theirs, ours in logs.pairs():
        if is_group(theirs, "on_event") and theirs[0].subject[0] == "thread.message.delta":
            stale = [x for x in theirs if x.callback == "on_text_done" and x not in ours]
            changed |= remove(theirs, [entry for entry in stale if entry.subject in finished])
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
    begun = {step.id for step in told(logs.theirs, "on_run_step_created")}
    changed = False
    for group in logs.theirs:
        for step in told([group], "on_run_step_done"):
            for call in step.calls:
                if step.id in begun and call.id not in known:
                    names = ("on_tool_call_created", "on_tool_call_done")
                    group[-1:-1] = [Entry(name, call) for name in names]
                    changed = True
    return changed


def text_without_delta(logs: Logs) -> bool:
    """Text that only the completed message has is told by ours.

    Explained for the part that is open, where it goes on as it began, and for all parts after
    it, which must come as created, delta and done.
    """
    changed = False
    seen: dict[str, tuple[Part, ...]] = {}
    for group in logs.theirs:
        seen |= _messages_of(group)
        for message in [one for one in told([group], "on_message_done") if one.id in seen]:
            known, final = seen[message.id], message.parts
            if known and len(final) >= len(known):
                more = _more_text(known[-1], final[len(known) - 1])
                group[1:1] = more
                changed |= bool(more)
            for part in final[len(known) :]:
                if isinstance(part.text, Text):
                    delta = Entry("on_text_delta", Text(part.text.value, ()), part.text)
                    around = [Entry(f"on_text_{x}", part.text) for x in ("created", "done")]
                    group[-1:-1] = [around[0], delta, around[1]]
                    changed = True
    return changed


def _messages_of(group: Group) -> dict[str, tuple[Part, ...]]:
    """Return by id the parts of the messages that GROUP created or let grow."""
    grown = [x.snapshot for x in group if x.callback == "on_message_delta"]
    return {one.id: one.parts for one in [*told([group], "on_message_created"), *grown]}


def _more_text(known: Part, final: Part) -> list[Entry]:
    """Return the on_text_delta for what FINAL has and KNOWN, which it begins with, lacks."""
    if isinstance(known.text, Text) and isinstance(final.text, Text):
        said, whole = known.text.value or "", final.text.value or ""
        if whole.startswith(said) and whole != said:
            return [Entry("on_text_delta", Text(whole[len(said) :], ()), final.text)]
    return []


def left_open(logs: Logs) -> bool:
    """What the server left open when the run ended is told done by ours, as it stands."""
    messages: dict[str, Message] = {}
    steps: dict[str, Step] = {}
    changed = False
    for at, group in enumerate(logs.theirs):
        for entry in group:
            subject = entry.snapshot or entry.subject
            if entry.callback in {"on_message_created", "on_message_delta"}:
                messages[subject.id] = subject
            elif entry.callback in {"on_run_step_created", "on_run_step_delta"}:
                steps[subject.id] = subject
            elif entry.callback in {"on_message_done", "on_run_step_done"}:
                messages.pop(subject.id, None)
                steps.pop(subject.id, None)
        if logs.block(at).run_status in ENDINGS:
            for message in messages.values():
                group += [Entry("on_text_done", part.text) for part in message.parts[-1:]]
                group.append(Entry("on_message_done", message))
            group += [Entry("on_run_step_done", step) for step in steps.values()]
            changed |= bool(messages or steps)
            messages, steps = {}, {}
    return changed


def two_messages(logs: Logs) -> bool:
    """Two messages are open at once: theirs gives the deltas of both to the newer one.

    Explained for messages of one text: from the first such delta on each group is made anew,
    from the id on the wire and the delta, which theirs has right.
    """
    wrong = [
        at
        for at, group in enumerate(logs.theirs)
        for entry in group
        if entry.callback == "on_message_delta" and entry.snapshot.id != group[0].subject[1]
    ]
    said: dict[str, str] = {}
    for group in logs.theirs[wrong[0] :] if wrong else []:
        for entry in [x for x in group if x.callback == "on_message_delta"]:
            [part] = entry.subject.parts
            name, value = group[0].subject[1], part.text.value
            created = [] if name in said else [Entry("on_text_created", Text(value, ()))]
            said[name] = said.get(name, "") + value
            whole = Text(said[name], ())
            snapshot = Message(name, "in_progress", (Part("text", whole),))
            delta = Entry("on_message_delta", entry.subject, snapshot)
            group[1:] = [delta, *created, Entry("on_text_delta", part.text, whole)]
    return bool(wrong)


def final_steps(logs: Logs) -> bool:
    """Theirs returns steps as they were accumulated, and not those that began elsewhere."""
    ended = {step.id: step for step in told(logs.ours, "on_run_step_done")}
    changed = False
    for theirs, ours in list(logs.pairs())[-1:]:
        for at, (their, our) in enumerate(zip(theirs, ours, strict=False)):
            if {their.callback, our.callback} == {"get_final_run_steps"} and their != our:
                known = {step.id for step in their.subject}
                as_sent = all(step == ended.get(step.id, step) for step in our.subject)
                if as_sent and known <= {step.id for step in our.subject}:
                    theirs[at] = our
                    changed = True
    return changed


def annotation_only(logs: Logs) -> bool:
    """A delta that only annotates is for theirs a text delta without a value."""
    changed = False
    for group in logs.theirs:
        deltas = [entry for entry in group if entry.callback == "on_text_delta"]
        changed |= remove(group, [entry for entry in deltas if entry.subject.value is None])
    return changed


# --- The table --------------------------------------------------------------------------


@attrs.frozen
class Difference:
    """One class of difference.

    Attributes:
        name: What it is about.
        theirs: What openai-python does.
        ours: What we do.
        why: Why ours is right.
        explain: Takes it out of the logs; None where no log shows it, but a test of its own.
    """

    name: str
    theirs: str
    ours: str
    why: str
    explain: Callable[[Logs], bool] | None = None


def explain(logs: Logs) -> set[str]:
    """Take all known differences out of LOGS; return the names of those that were there."""
    return {one.name for one in DIFFERENCES if one.explain is not None and one.explain(logs)}


#: In the order of taking out: what moves or ends groups comes first.
DIFFERENCES = (
    Difference(
        "a last block without a blank line after it",
        "is dropped",
        "is decoded when the bytes end",
        "Servers and stored captures leave the line out; losing `error` or `done` is worse.",
        unterminated,
    ),
    Difference(
        "`done`",
        "`on_event` never has it; the end is `on_end` alone",
        "`on_event` has it, then `on_done` runs",
        "A handler that flushes can tell the server's last word from a connection that ended.",
        done_event,
    ),
    Difference(
        "`error`",
        "`on_exception` with an `APIError`",
        "`on_event` has it, then `on_error` and `on_exception` with a `ServerError` run",
        "It is something that the server said, so a log of events must have it.",
        error_event,
    ),
    Difference(
        "`error`, not wrapped",
        "an event without a name; the stream goes on and counts as a success",
        "the same as the wrapped one",
        "The specification writes it bare. A failure must not look like a success.",
        bare_error,
    ),
    Difference(
        "bytes that end before the run",
        "a success: `on_end` alone",
        "`on_exception` with an `IncompleteStreamError`",
        "Half an answer must not pass for a whole one.",
        cut_short,
    ),
    Difference(
        "a block without data (`id:`, `retry:` or `event:` alone, an empty `data:`)",
        "`JSONDecodeError` ends the stream",
        "no event, as the standard has it",
        "Keep-alives and reconnection times are part of Server-Sent Events.",
        no_data,
    ),
    Difference(
        "a delta for something never announced",
        "`KeyError` or `RuntimeError` from inside the handler ends the stream",
        "`created` with what is known, `synthetic`, and the stream goes on",
        "A stream may continue an earlier one; the rest of the answer is still good.",
        placeholder,
    ),
    Difference(
        "a part that comes before one with a lower index",
        "`IndexError` from inside the handler ends the stream",
        "parts are kept by the wire's index",
        "The index says where a part belongs, not when it comes.",
        any_index,
    ),
    Difference(
        "a message that ends with fewer parts than it had",
        "`IndexError` from inside the handler ends the stream",
        "every part that began is done, then the message",
        "An incomplete message may come back empty; the run's own events still follow.",
        lost_parts,
    ),
    Difference(
        "a payload of the wrong type",
        "the event is told, then whatever breaks first breaks",
        "`on_exception` with a `DecodeError` that has the frame and the path of the field",
        "The fault is in the frame, so that is where it is reported.",
        wrong_type,
    ),
    Difference(
        "a byte order mark",
        "the first event loses its name",
        "is skipped",
        "The standard says so.",
        byte_order_mark,
    ),
    Difference(
        "a name that does not begin with `thread.`",
        "the event has no name; if its data is text, `JSONDecodeError` ends the stream",
        "an `UnknownEvent` with its name and data",
        "What is unknown must not be lost, nor end what is known.",
        foreign_name,
    ),
    Difference(
        "a created or an ending that is sent again",
        "its callbacks run again",
        "`on_event` and `on_repeated_event`; the others run once",
        "Handlers that open and close things need each exactly once.",
        sent_again,
    ),
    Difference(
        "a call's id, name or whole arguments sent again",
        "are concatenated: `call_1call_1`",
        "replace the known ones",
        "No call has the id `call_1call_1`, and arguments written twice are not JSON.",
        repeated_call,
    ),
    Difference(
        "an annotation that is sent again",
        "its text is doubled and its numbers are summed",
        "replaces the known one",
        "An index is a place, not an amount.",
        repeated_annotation,
    ),
    Difference(
        "`on_message_delta` and `on_run_step_delta`",
        "come after the callbacks for their parts",
        "come before them",
        "One order for all: the wire's event, then what follows from it.",
        own_callback_first,
    ),
    Difference(
        "a second step with a call at the same index",
        "`on_tool_call_created` never runs for it",
        "it runs",
        "Each step counts its calls from 0, so this is the ordinary second step.",
        never_created,
    ),
    Difference(
        "fragments of two calls in turn",
        "`on_tool_call_created` runs at each change, in place of `on_tool_call_delta`",
        "created once; every fragment is a delta of its call",
        "A call begins once, and its fragments must add up to its arguments.",
        created_again,
    ),
    Difference(
        "the fragment that a call begins with",
        "is no `on_tool_call_delta`",
        "is one",
        "It may hold arguments; all fragments joined are then the whole.",
        first_fragment,
    ),
    Difference(
        "a text part that its message was created with",
        "`on_text_created` never runs for it",
        "it runs before the part's first delta",
        "Some servers create messages so; a handler that opens something there needs it.",
        text_from_created,
    ),
    Difference(
        "`on_tool_call_done`",
        "runs again at every ending that follows",
        "runs once per call",
        "A handler that runs the call would run it again.",
        call_done_again,
    ),
    Difference(
        "a delta that only annotates",
        "`on_text_delta` with the value `None`",
        "`on_annotation` alone",
        "`print(delta.value)` must not print None.",
        annotation_only,
    ),
    Difference(
        "two messages open at once",
        "the deltas of both go to the newer one",
        "each delta goes to the message that it names",
        "Every delta has its message's id.",
        two_messages,
    ),
    Difference(
        "the first delta of a second message",
        "ends a part of the message before it once more",
        "that part was done already",
        "Done comes once.",
        part_of_another,
    ),
    Difference(
        "text for a part that another one followed",
        "the two parts end again and again",
        "each part is done once, when the next begins; later text is told as a delta",
        "Done comes once. The final text is in the message.",
        part_goes_on,
    ),
    Difference(
        "the next part of a message",
        "begins before the old one is done",
        "begins after the old one is done",
        "A handler that writes one part after the other needs them in turn.",
        done_before_next,
    ),
    Difference(
        "a call that only the completed step has",
        "is not told",
        "is created and done",
        "Built-in tools may come without deltas; their calls are calls.",
        call_without_delta,
    ),
    Difference(
        "text that only the completed message has",
        "is not told",
        "comes as a last `on_text_delta`",
        "What was printed is then what was said.",
        text_without_delta,
    ),
    Difference(
        "what is still open when the run ends",
        "stays open",
        "is done, as it stands, before the run is",
        "A failed or cancelled run leaves messages open; handlers that close things must hear it.",
        left_open,
    ),
    Difference(
        "a call at the end of its step",
        "as accumulated, without the output",
        "as the server sent it",
        "The final object is the server's word.",
        final_call,
    ),
    Difference(
        "`get_final_run_steps()`",
        "steps stay `in_progress`; those that began in an earlier stream are missing",
        "steps in their final state, all that the stream spoke of",
        "They are called final.",
        final_steps,
    ),
    Difference(
        "what a callback raises",
        "`on_exception` runs with it, as if the stream had failed",
        "leaves unchanged with a note; `on_exception` does not run",
        "A handler's bug is not a failure of the stream.",
    ),
    Difference(
        "a handler for a second stream",
        "`RuntimeError`",
        "works",
        "One handler follows a run through its tool rounds.",
    ),
    Difference(
        "`super().__init__()` forgotten",
        "`AttributeError` when the stream begins",
        "is not needed",
        "A handler holds no state of the library's.",
    ),
    Difference(
        "tool and annotation types that are not known",
        "objects of whichever class comes first",
        "`UnknownToolCall` and `UnknownAnnotation`, with the raw data",
        "`isinstance` and `match` must not be misled.",
    ),
    Difference(
        "`current_run` and the current snapshots in `on_event`",
        "as they were before this event",
        "as of this event",
        "`on_event` is about this event, and all other callbacks find them so.",
    ),
    Difference(
        "`current_run_step_snapshot` after a step's end",
        "None",
        "the step last heard of",
        "`current_message_snapshot` stays too, in both.",
    ),
    Difference(
        "`current_event` in a derived callback",
        "the event of the wire",
        "the derived event, with `message_id` or `run_step_id`, and `index`",
        "It says which part or call it is about; an event of the wire may have several.",
    ),
)


def page() -> str:
    """Return docs/differences.md."""
    lines = [
        "# Differences from openai-python's `AssistantEventHandler`",
        "",
        "A handler written for openai-python runs after changing its import. What it is told",
        "differs as follows, and in nothing else: `tests/test_differential.py` runs the same",
        "streams through both, takes these differences out of what was told, and compares the",
        "rest. This table is printed by `python -m tests.differences`.",
        "",
        "| | openai-python | here | why |",
        "|---|---|---|---|",
        *(f"| {one.name} | {one.theirs} | {one.ours} | {one.why} |" for one in DIFFERENCES),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
