"""One handler class gets the same conversation on three wires: the callbacks are the same.

Rules of this file:

- The conversations are those of ``three_wires``; all are held over HTTP.
- A callback is compared with every field of its arguments. Differences are in ``DIFFERENCES``,
  each with its reason; an entry that no conversation needs fails a test.
- ``python -m tests.whole.test_same_callbacks`` writes the list in docs/migrating.md.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import ExitStack
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from handlers import EventHandler
from handlers.routes import CALLBACKS
from stream_core import Stream, models
from stream_core.tools.tool_set import ToolSet
from tests import ROOT
from tests.support.conversations import FUNCTIONS, conversation, get_tides, get_wind
from tests.support.scripted_server import frames, running
from tests.support.three_wires import ANSWERS, PIECES, REFUSAL, TEXT, of_chat, of_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = ROOT / "docs" / "migrating.md"

# --- Listening --------------------------------------------------------------------------

Entry = tuple[str, tuple[tuple[str, Any], ...]]


class Listener(EventHandler):
    """Records every callback with every field of its arguments, as they are then.

    Attributes:
        log: The name, and the path and value of each field.
    """

    def __init__(self) -> None:
        self.log: list[Entry] = []
        for name in CALLBACKS:
            setattr(self, name, self._writer(name))

    def _writer(self, name: str) -> Callable[..., None]:
        def write(*arguments: object) -> None:
            found = [fact for argument in arguments for fact in facts(argument, "")]
            self.log.append((name, tuple(found)))

        return write

    def names(self) -> list[str]:
        """The callbacks in order, except those about the raw wire."""
        aside = {"on_event", "on_extension_event"}
        return [name for name, _ in self.log if name not in aside]


def facts(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield path and value of every field in VALUE; paths begin at the class of the argument."""
    if isinstance(getattr(value, "event", None), str):
        yield "event", value.event
    elif isinstance(value, models.Usage):
        yield path, "stated"  # each server counts in its own way
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from facts(
                getattr(value, field.name), f"{path or type(value).__name__}.{field.name}"
            )
    elif isinstance(value, list | tuple):
        yield path, len(value)
        for one in value:
            yield from facts(one, path)
    else:
        yield path, value


@cache
def listen(wire: str, name: str) -> tuple[Listener, bytes]:
    """Hold the conversation NAME on a wire; return its listener, and the bytes that came."""
    listener, recorded = Listener(), io.BytesIO()
    tools: dict[str, Any] = {}
    if name == "function calls":
        tools = {"tools": ToolSet(get_tides, get_wind)}
    with ExitStack() as stack:
        if wire == "Assistants":
            talk = stack.enter_context(conversation(ANSWERS[name]))
            stream = talk.stream(handlers=[listener], **tools)
        else:
            sent = of_responses(name) if wire == "Responses" else of_chat(name)
            server = stack.enter_context(running(*(frames(*one) for one in sent)))
            params = {"model": "gpt-4o", "handlers": [listener], **tools}
            question = [{"role": "user", "content": "When?"}]
            if wire == "Responses":
                stream = server.client.responses.stream(input=question, **params)
            else:
                stream = server.client.chat.completions.stream(messages=question, **params)
        stream.tee(recorded).until_done()
    return listener, recorded.getvalue()


# --- The differences --------------------------------------------------------------------


@attrs.frozen
class Difference:
    """Something that is not the same as on the Assistants wire.

    Attributes:
        wires: The wires that have it.
        what: The difference, for the page.
        why: The reason.
        paths: A regular expression for the fields that differ; "" if there is an extra callback.
        callbacks: The callbacks in whose arguments they differ; None means all.
    """

    wires: tuple[str, ...]
    what: str
    why: str
    paths: str
    callbacks: tuple[str, ...] | None = None

    def covers(self, wire: str, callback: str, path: str) -> bool:
        """Return whether it is about the field at PATH."""
        return (
            bool(self.paths)
            and wire in self.wires
            and (self.callbacks is None or callback in self.callbacks)
            and re.fullmatch(self.paths, path) is not None
        )


BOTH = ("Responses", "Chat")

DIFFERENCES = (
    Difference(
        BOTH,
        "`on_extension_event` and its `on_event` come in between",
        "the Assistants wire has no frames that announce a part, repeat the whole text, or state "
        "only the usage",
        "",
    ),
    Difference(
        BOTH,
        "ids have other prefixes; `thread_id` and `assistant_id` may be empty",
        "ids are those of the wire, or made from them; there is no thread and no assistant",
        r".*[._]id",
    ),
    Difference(
        BOTH,
        "`completed_at` and the like may be None, and `created_at` is that of the whole answer",
        "only dates of the wire are used; the clock is never read",
        r".*_at",
    ),
    Difference(
        BOTH,
        "a run shows its parameters (`tools`, `instructions`, `temperature` and the like) only as "
        "far as the server repeats them",
        "they are not copied from the request; Chat Completions repeats the model only",
        r"Run\.(instructions|parallel_tool_calls|response_format|temperature|tool_choice"
        r"|tool_resources|tools|top_p|truncation_strategy)\b.*",
    ),
    Difference(
        BOTH,
        "`run_step.usage` is None; `run.usage` is the sum of all rounds",
        "these wires count tokens for each answer",
        r"RunStep\.usage",
    ),
    Difference(
        BOTH,
        "a run that requires an action already has its `usage`",
        "each answer states its own, and whoever answers by hand gets no other",
        r"Run\.usage",
        ("on_run_requires_action",),
    ),
    Difference(
        ("Responses", "Chat"),
        '`run.extra["finish_reason"]` may have the server\'s own word for the end',
        "the status and the reason of a run are in the words of the Assistants wire",
        r"Run\._extra\b.*",
    ),
    Difference(
        BOTH,
        "`on_run_step_created` and `on_run_step_in_progress` already show the first call",
        "one frame both begins the step and names the call; snapshots are live",
        r"RunStep\.step_details\.tool_calls\b.*",
        ("on_run_step_created", "on_run_step_in_progress"),
    ),
    Difference(
        ("Chat",),
        "`on_message_created` already shows the first piece",
        "one chunk both begins the message and has its first piece; snapshots are live",
        r"Message\.content\b.*",
        ("on_message_created",),
    ),
)


def leave_out(log: list[Entry], wire: str, left_out: tuple[Difference, ...]) -> list[Entry]:
    """Return LOG, of either wire, without the differences on WIRE."""
    kept: list[Entry] = []
    for callback, found in log:
        extension = callback == "on_extension_event" or (
            callback == "on_event" and not re.match(r"thread\.|error|done", found[0][1])
        )
        if extension and any(not x.paths and wire in x.wires for x in left_out):
            continue
        rest = [
            (path, value)
            for path, value in found
            if not any(x.covers(wire, callback, path) for x in left_out)
        ]
        kept.append((callback, tuple(rest)))
    return kept


def unlike(
    wire: str, name: str, left_out: tuple[Difference, ...] = DIFFERENCES
) -> list[tuple[Entry | None, Entry | None]]:
    """Return the callbacks of a conversation that differ from the Assistants wire."""
    logs = (listen(one, name)[0].log for one in ("Assistants", wire))
    pairs = zip_longest(*(leave_out(log, wire, left_out) for log in logs))
    return [(expected, actual) for expected, actual in pairs if expected != actual]


def table() -> str:
    """Return the list for the page."""
    rows = [("wire", "what", "why"), ("---",) * 3]
    rows += [(", ".join(x.wires), x.what, x.why) for x in DIFFERENCES]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


_LISTED = re.compile(r"(?s)(?<=<!-- differences:start -->\n).*?(?=<!-- differences:end -->)")


# --- Tests ------------------------------------------------------------------------------

WIRES = ("Assistants", *BOTH)

BEGIN = ["on_run_created", "on_run_queued", "on_run_in_progress"]
STEP = ["on_run_step_created", "on_run_step_in_progress"]
MESSAGE = [*STEP, "on_message_created", "on_message_in_progress", "on_message_delta"]
SAID = [
    *MESSAGE,
    "on_text_created",
    *["on_text_delta", "on_message_delta"] * (len(PIECES) - 1),
    "on_text_delta",
]
CALLED = ["on_tool_call_created", *["on_tool_call_delta", "on_run_step_delta"] * 4]
STEP_END = ["on_run_step_completed", "on_run_step_done"]
END = ["on_run_completed", "on_run_done", "on_done", "on_end"]

#: The callbacks of each conversation, whatever the wire.
NAMES: dict[str, list[str]] = {
    "text": [
        *BEGIN,
        *SAID,
        *["on_message_completed", "on_text_done", "on_message_done"],
        *STEP_END,
        *END,
    ],
    "function calls": [
        *BEGIN,
        *STEP,
        *["on_run_step_delta", *CALLED, "on_tool_call_delta", "on_run_step_delta"],
        *["on_tool_call_done", *CALLED, "on_tool_call_delta"],
        *["on_run_requires_action", "on_tool_call_done", "on_tool_output", "on_tool_output"],
        *STEP_END,
        *BEGIN[1:],
        *SAID,
        *["on_message_completed", "on_text_done", "on_message_done"],
        *STEP_END,
        *END,
    ],
    "refusal": [
        *BEGIN,
        *MESSAGE,
        "on_refusal_delta",
        *["on_message_completed", "on_refusal_done", "on_message_done"],
        *STEP_END,
        *END,
    ],
    "incomplete": [
        *BEGIN,
        *SAID,
        *["on_message_incomplete", "on_text_done", "on_message_done"],
        *STEP_END,
        "on_run_incomplete",
        *END[1:],
    ],
}

conversations = pytest.mark.parametrize("name", ANSWERS)


@conversations
@pytest.mark.parametrize("wire", WIRES)
def test_the_callbacks_are_the_same_on_every_wire(wire: str, name: str) -> None:
    """So are their order, and what a program does with them."""
    listener, _ = listen(wire, name)
    assert NAMES[name] == listener.names()
    said = [dict(found)["Text.value"] for called, found in listener.log if called == "on_text_done"]
    refused = [
        dict(found)["RefusalContentBlock.refusal"]
        for called, found in listener.log
        if called == "on_refusal_done"
    ]
    called = [
        (dict(found)["FunctionToolCall.function.name"], arguments_of(found))
        for name_of, found in listener.log
        if name_of == "on_tool_call_done"
    ]
    gave = [found[-1][1] for name_of, found in listener.log if name_of == "on_tool_output"]
    done = [dict(found) for name_of, found in listener.log if name_of == "on_run_done"]
    is_call = name == "function calls"
    assert ([] if name == "refusal" else [TEXT]) == said
    assert ([REFUSAL] if name == "refusal" else []) == refused
    assert ([(one, {"port": "Porto"}) for one in FUNCTIONS] if is_call else []) == called
    assert ([one("Porto") for one in FUNCTIONS.values()] if is_call else []) == gave
    cut = name == "incomplete"
    assert ["incomplete" if cut else "completed"] == [x["Run.status"] for x in done]
    if cut:
        assert ["max_completion_tokens"] == [x["Run.incomplete_details.reason"] for x in done]
    assert ["stated"] == [x["Run.usage"] for x in done]


def arguments_of(found: tuple[tuple[str, Any], ...]) -> Any:
    """Return the arguments of the call in the facts of a callback."""
    return json.loads(dict(found)["FunctionToolCall.function.arguments"])


@conversations
@pytest.mark.parametrize("wire", BOTH)
def test_every_field_is_the_same_except_for_the_list(wire: str, name: str) -> None:
    """All arguments of all callbacks are compared, as they were in the callback."""
    assert [] == unlike(wire, name)


@pytest.mark.parametrize(
    ("wire", "difference"), [(wire, one) for one in DIFFERENCES for wire in one.wires]
)
def test_every_difference_is_needed(wire: str, difference: Difference) -> None:
    """Without any one entry of the list, some conversation would differ."""
    others = tuple(one for one in DIFFERENCES if one is not difference)
    assert any(unlike(wire, name, others) for name in ANSWERS)


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "function calls"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("auto", [False, True])
def test_a_recording_gives_the_callbacks_of_the_stream(wire: str, name: str, *, auto: bool) -> None:
    """The bytes are read again, with the wire named or detected."""
    live, recorded = listen(wire, name)
    replayed = Listener()
    Stream([recorded], replayed, dialect="auto" if auto else wire.lower()).until_done()
    assert live.log == replayed.log


def test_the_page_has_the_list() -> None:
    """docs/migrating.md prints DIFFERENCES; running this module with `python -m` updates it."""
    (listed,) = _LISTED.findall(PAGE.read_text("utf-8"))
    assert table() == listed


if __name__ == "__main__":
    PAGE.write_text(_LISTED.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{PAGE} is up to date.\n")
