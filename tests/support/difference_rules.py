"""The rules that explain each difference between openai-python's log of a stream and ours.

Rules of this file:

- A rule examines both logs and the blocks of the stream, corrects in openai-python's log (never
  in ours, unless its docstring says so) exactly what it explains, and returns whether there was
  anything to correct. A difference that no rule explains stays, and fails the test.
- Conditions and corrections are derived from the stream's blocks and openai-python's own log
  whenever possible, not from ours.
- If openai-python gives up, there is nothing left to compare: both logs are cut there. Ours
  must then continue to its own end, which the test checks.
"""

from __future__ import annotations

from collections import Counter

import attrs

from tests.support.callback_logs import (
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
    delivered,
    is_group,
    remove,
    rewrite_theirs,
)

# --- The ends of a stream ---------------------------------------------------------------


def done_event(logs: Logs) -> bool:
    """Our on_event gets ``done`` at every clean end; theirs never does."""
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
    """Our on_event gets ``error`` before on_exception; theirs has on_exception alone."""
    at, kind = logs.failure(logs.theirs)
    if kind != "server error" or logs.block(at).name != "error":
        return False
    logs.theirs.insert(at, [Entry("on_event", ("error", ""))])
    return True


def bare_error(logs: Logs) -> bool:
    """An error that is not wrapped is an event without a name in theirs."""
    at, kind = logs.failure(logs.ours)
    found = [i for i, block in enumerate(logs.blocks) if block.name == "error"]
    if kind != "server error" or found != [at - 1] or "error" in logs.blocks[at - 1].payload:
        return False
    nameless = [Entry("on_event", (None, ""))]
    return nameless == logs.theirs[at - 1] and logs.cut(at - 1)


def cut_short(logs: Logs) -> bool:
    """Bytes that end before the run does are a success in theirs."""
    at, kind = logs.failure(logs.ours)
    names = [block.name.removeprefix("thread.run.") for block in logs.blocks]
    if kind != "cut short" or {"done", *LAST_STATUSES} & set(names):
        return False
    return is_group(logs.theirs[at], "on_end") and logs.cut(at)


def unterminated(logs: Logs) -> bool:
    """A last block without a blank line after it is dropped by theirs."""
    if logs.data.endswith((b"\n\n", b"\n\r\n")) or logs.failure(logs.theirs) != NO_FAILURE:
        return False
    last = len(logs.blocks) - 1
    dropped = is_group(logs.theirs[last], "on_end") and not is_group(logs.ours[last], "on_end")
    return dropped and logs.cut(last)


# --- Where openai-python gives up -------------------------------------------------------


def no_data(logs: Logs) -> bool:
    """A block without data is a bad frame in theirs, and not an event in ours."""
    at, kind = logs.failure(logs.theirs)
    if kind != "bad frame" or logs.block(at).data or is_group(logs.ours[at], FAILED):
        return False
    return logs.cut(at)


def placeholder(logs: Logs) -> bool:
    """A delta for something never announced is a KeyError or RuntimeError in theirs."""
    at, kind = logs.failure(logs.theirs)
    block = logs.block(at - 1)
    known = {one.id for one in logs.blocks[: max(at - 1, 0)]}
    if kind not in {"KeyError", "RuntimeError"} or not block.name.endswith(".delta"):
        return False
    created = block.name.removesuffix("delta") + "created"
    announced = is_group(logs.ours[at - 1], "on_event", (created, block.id))
    return block.id not in known and announced and logs.cut(at - 1)


def any_index(logs: Logs) -> bool:
    """A part that comes before one with a lower index is an IndexError in theirs."""
    at, kind = logs.failure(logs.theirs)
    if kind != "IndexError":
        return False
    seen = {part["index"] for block in logs.blocks[: max(at - 1, 0)] for part in block.parts()}
    gap = any(part["index"] > len(seen) for part in logs.block(at - 1).parts())
    return gap and logs.cut(at - 1)


def lost_parts(logs: Logs) -> bool:
    """A message that ends with fewer parts than it had is an IndexError in theirs."""
    at, kind = logs.failure(logs.theirs)
    block = logs.block(at - 1)
    ends = block.name.startswith("thread.message.") and block.name.endswith(ENDINGS)
    return kind == "IndexError" and ends and not block.payload["content"] and logs.cut(at - 1)


def wrong_type(logs: Logs) -> bool:
    """With a payload of the wrong type, theirs delivers the event and then fails on it."""
    at, kind = logs.failure(logs.ours)
    if kind != "bad frame" or logs.block(at).payload is None:
        return False
    wrong = logs.failure(logs.theirs)
    return wrong[0] == at + 1 and wrong[1] in {"TypeError", "RuntimeError"} and logs.cut(at)


# --- Names ------------------------------------------------------------------------------


def byte_order_mark(logs: Logs) -> bool:
    """A byte order mark hides the first event's name from theirs."""
    if not logs.data.startswith(BOM) or not is_group(logs.theirs[0], "on_event", (None, "")):
        return False
    logs.theirs[0] = [Entry("on_event", (logs.blocks[0].name, logs.blocks[0].id))]
    return True


def foreign_name(logs: Logs) -> bool:
    """An unknown name that does not begin with ``thread.`` is lost, or makes a bad frame."""
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
    """A call's id, name or whole arguments, if sent again, are concatenated in theirs."""
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
    """An annotation that is sent again has its numbers added up in theirs."""
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
    """A delta's own callback comes last in theirs, and before the derived ones in ours."""
    changed = False
    for group in logs.theirs:
        if group[-1].callback in {"on_message_delta", "on_run_step_delta"} and len(group) > 2:
            group.insert(1, group.pop())
            changed = True
    return changed


def done_before_next(logs: Logs) -> bool:
    """Within one delta, theirs begins the next part before it ends the old one.

    Explained if both have the same callbacks, each kind in the same order, and in ours no part
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
    """Return whether in GROUP a part that began is done before the next begins."""
    begun = [x.callback for x in group if x.callback in {"on_text_created", "on_text_done"}]
    return "on_text_created on_text_created" not in " ".join(begun)


# --- Exactly once -----------------------------------------------------------------------


def first_fragment(logs: Logs) -> bool:
    """The fragment that a call begins with is not an on_tool_call_delta in theirs."""
    changed = False
    for group in logs.theirs:
        for entry in [x for x in group if x.callback == "on_tool_call_created"]:
            fragment = _fragment(group, entry.subject)
            if fragment is not None and fragment not in group:
                group.insert(group.index(entry) + 1, fragment)
                changed = True
    return changed


def _fragment(group: Group, call: Call) -> Entry | None:
    """Return the on_tool_call_delta of CALL that follows from the group's on_run_step_delta."""
    for entry in group:
        if entry.callback == "on_run_step_delta":
            for delta in entry.subject.calls:
                snapshot = entry.snapshot.calls[delta.index]
                if snapshot == call:
                    return Entry("on_tool_call_delta", delta, snapshot)
    return None


def created_again(logs: Logs) -> bool:
    """With alternating fragments of two calls, theirs begins a call again at each change."""
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
        for message in delivered(logs.theirs, "on_message_created")
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
    """A call is done in theirs again at every change and ending that follows it."""
    once = Counter(call.id for call in delivered(logs.ours, "on_tool_call_done"))
    changed = False
    for theirs, ours in logs.pairs():
        here = {call.id for call in delivered([ours], "on_tool_call_done")}
        elsewhere = {one for one, times in once.items() if times == 1} - here
        done = [entry for entry in theirs if entry.callback == "on_tool_call_done"]
        changed |= remove(theirs, [entry for entry in done if entry.subject.id in elsewhere])
    return changed


def sent_again(logs: Logs) -> bool:
    """A created or an ending that the server sends again is delivered again by theirs."""
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
    """With text for a part that another one followed, theirs ends parts again.

    Ours must have ended each part once; on_text_done is then removed from both.
    """
    order = [(block.id, part["index"]) for block in logs.blocks for part in block.parts()]
    changes = [one for i, one in enumerate(order) if i == 0 or order[i - 1] != one]
    if len(set(changes)) == len(changes) or len(delivered(logs.ours, "on_text_done")) != len(
        set(order)
    ):
        return False
    for group in [*logs.theirs, *logs.ours]:
        remove(group, [entry for entry in group if entry.callback == "on_text_done"])
    return True


def part_of_another(logs: Logs) -> bool:
    """A message's first delta ends a part of the message before it again in theirs."""
    finished: list[Text | str] = []
    changed = False
    for theirs, ours in logs.pairs():
        if is_group(theirs, "on_event") and theirs[0].subject[0] == "thread.message.delta":
            stale = [x for x in theirs if x.callback == "on_text_done" and x not in ours]
            changed |= remove(theirs, [entry for entry in stale if entry.subject in finished])
        finished += [
            part.text for one in delivered([theirs], "on_message_done") for part in one.parts
        ]
    return changed


# --- What the end brings ----------------------------------------------------------------


def final_call(logs: Logs) -> bool:
    """At a step's end, theirs has the call as accumulated, ours as the server sent it."""
    changed = False
    for theirs, ours in logs.pairs():
        sent = {
            call.id: call for step in delivered([ours], "on_run_step_done") for call in step.calls
        }
        for at, entry in enumerate(theirs):
            mine = Entry("on_tool_call_done", sent.get(getattr(entry.subject, "id", "")))
            if entry.callback == mine.callback and entry != mine and ours[at : at + 1] == [mine]:
                theirs[at] = mine
                changed = True
    return changed


def call_without_delta(logs: Logs) -> bool:
    """A call that only the completed step has is delivered by ours only."""
    known = {call["id"] for block in logs.blocks for call in block.calls() if call.get("id")}
    begun = {step.id for step in delivered(logs.theirs, "on_run_step_created")}
    changed = False
    for group in logs.theirs:
        for step in delivered([group], "on_run_step_done"):
            for call in step.calls:
                if step.id in begun and call.id not in known:
                    names = ("on_tool_call_created", "on_tool_call_done")
                    group[-1:-1] = [Entry(name, call) for name in names]
                    changed = True
    return changed


def text_without_delta(logs: Logs) -> bool:
    """Text that only the completed message has is delivered by ours only.

    Explained for the open part, if its text continues as it began, and for all parts after it,
    which must come as created, delta and done.
    """
    changed = False
    seen: dict[str, tuple[Part, ...]] = {}
    for group in logs.theirs:
        seen |= _messages_of(group)
        for message in [one for one in delivered([group], "on_message_done") if one.id in seen]:
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
    """Return, by id, the parts of the messages that GROUP created or extended."""
    grown = [x.snapshot for x in group if x.callback == "on_message_delta"]
    return {one.id: one.parts for one in [*delivered([group], "on_message_created"), *grown]}


def _more_text(known: Part, final: Part) -> list[Entry]:
    """Return the on_text_delta for the end of FINAL, which begins with KNOWN."""
    if isinstance(known.text, Text) and isinstance(final.text, Text):
        said, whole = known.text.value or "", final.text.value or ""
        if whole.startswith(said) and whole != said:
            return [Entry("on_text_delta", Text(whole[len(said) :], ()), final.text)]
    return []


def left_open(logs: Logs) -> bool:
    """Whatever the server left open when the run ended is done in ours, as it stands."""
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
    """With two messages open at once, theirs gives the deltas of both to the newer one.

    Explained for messages of one text: from the first such delta on, each group is made anew
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
    """Theirs returns steps as accumulated, and without those that began elsewhere."""
    ended = {step.id: step for step in delivered(logs.ours, "on_run_step_done")}
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
    """A delta that only annotates is a text delta without a value in theirs."""
    changed = False
    for group in logs.theirs:
        deltas = [entry for entry in group if entry.callback == "on_text_delta"]
        changed |= remove(group, [entry for entry in deltas if entry.subject.value is None])
    return changed


def done_when_whole(logs: Logs) -> bool:
    """A call is done in theirs when the next one begins, in ours when its arguments are whole."""
    changed = False
    for call_id in {call.id for call in delivered(logs.ours, "on_tool_call_done")}:
        theirs, ours = (
            [
                (number, entry)
                for number, group in enumerate(log)
                for entry in group
                if entry.callback == "on_tool_call_done" and entry.subject.id == call_id
            ]
            for log in (logs.theirs, logs.ours)
        )
        if len(ours) != 1 or not theirs:
            continue
        at, mine = ours[0]
        # The required action has the last word, which theirs does not take from it.
        required = any("thread.run.requires_action" in str(x.subject) for x in logs.ours[at])
        if theirs[0][0] < at or (required and theirs[0][1] != mine):
            changed = True
            for number, entry in theirs:
                logs.theirs[number].remove(entry)
            logs.ours[at].remove(mine)
    return changed
