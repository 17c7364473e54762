"""The one table: what becomes of each parameter of the Assistants API on the Responses wire.

Rules of this file:

- Every parameter of ``params`` has a row for each kind of call that takes it. The
  documentation is printed from here.
- A row says what it becomes, with a function where that is part of the request; or it says in a
  sentence why it is refused and what to do instead. Nothing is left out silently.
- A parameter of a run stands in for the assistant's; None is as if it were not given.
- Instructions and tools go with every request: the server carries none over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from stream_core.convert.payloads import unstructure

from .tool_params import Resources, convert_choice, convert_tools, has_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ROWS", "Row", "Values", "make_request", "row_of", "trimmed"]


@frozen
class Values:
    """What a run is asked for with.

    Attributes:
        given: The parameters, the run's before the assistant's.
        resources: What tools may use: the assistant's, the thread's and the run's.
        replay: Whether the thread sends everything again with each run.
    """

    given: Mapping[str, Any]
    resources: Resources
    replay: bool


class Row(NamedTuple):
    """What becomes of a parameter.

    Attributes:
        calls: Of which kinds of call: those that make or change an ``assistant``, a
            ``thread``, a ``message``, start a ``run``, ``update`` one, ``submit`` to one; a
            ``list``; of a ``step``; all that ``stream``; or every ``call``.
        name: Its name.
        becomes: What it becomes, for the documentation; "" where it is refused.
        put: Returns the parameters of the request that it becomes; None where it becomes none.
        refusal: Why it is refused, and what to do instead.
    """

    calls: tuple[str, ...]
    name: str
    becomes: str
    put: Callable[[Any, Values], Mapping[str, Any]] | None = None
    refusal: str = ""


def _named(name: str) -> Callable[[Any, Values], Mapping[str, Any]]:
    """Return what sends a parameter under this name."""
    return lambda value, _: {name: unstructure(value)}


def _additional(value: str, values: Values) -> Mapping[str, Any]:
    """Append to the instructions."""
    both = (values.given.get("instructions"), value)
    return {"instructions": "\n".join(filter(None, both))}


def _tools(value: Any, values: Values) -> Mapping[str, Any]:
    """Give tools what they may use; what code gave is always told in run steps, so ask for it."""
    tools = convert_tools(value, values.resources)
    wants = isinstance(tools, list) and has_tool(tools, "code_interpreter")
    return {"tools": tools, **({"include": [_OUTPUTS]} if wants else {})}


def _format(value: Any, _: Values) -> Mapping[str, Any]:
    """Spell the format of the text; ``auto`` is what it is anyway."""
    plain = unstructure(value)
    if isinstance(plain, str):
        return {} if plain == "auto" else {"text": {"format": {"type": plain}}}
    return {"text": {"format": {"type": plain.get("type"), **(plain.get("json_schema") or {})}}}


def _truncation(value: Any, values: Values) -> Mapping[str, Any]:
    """Let the server shorten the input; to count messages is done here, see ``trimmed``."""
    plain = unstructure(value)
    if plain.get("type") != "last_messages":
        return {"truncation": plain.get("type")}
    if not values.replay:
        raise ValueError(
            "truncation_strategy: last_messages can only be kept where this client sends all "
            "messages itself: make it with Client(wire='responses', threads='replay')"
        )
    return {}


_OUTPUTS = "code_interpreter_call.outputs"

#: What Assistants call the parts that can be asked for.
_INCLUDED = {
    "step_details.tool_calls[*].file_search.results[*].content": "file_search_call.results"
}


def _include(value: Any, _: Values) -> Mapping[str, Any]:
    """Spell what to send beyond the usual; this wire's own names stay."""
    return {"include": [_INCLUDED.get(one, one) for one in value]}


_KEPT = "kept by this client; not sent"
_SAME = "the same"

#: Every parameter. Where two rows have one parameter of the request, the later is used; of
#: ``include`` both are.
ROWS: tuple[Row, ...] = (
    # What it runs on, and as what
    Row(("run",), "assistant_id", "what the assistant has: `model`, `instructions`, `tools` ..."),
    Row(("run", "message", "list", "step"), "thread_id", "see the back ends of threads"),
    Row(("run",), "thread", "the new thread's `input`"),
    Row(("thread",), "messages", "`input` of the next run"),
    Row(("run",), "additional_messages", "`input`, after the thread's"),
    # What a message is
    Row(("message",), "role", "`role` of an item of `input`"),
    Row(
        ("message",),
        "content",
        "`content` of the item: `text` is `input_text`, `image_file` and `image_url` are "
        "`input_image`",
    ),
    Row(
        ("message",),
        "attachments",
        "without tools `input_file`; for `code_interpreter` a file of its container; for "
        "`file_search` refused: name its vector store in `tool_resources`",
    ),
    Row(("message",), "metadata", _KEPT),
    # What an assistant has, and a run may have otherwise
    Row(("assistant",), "name", _KEPT),
    Row(("assistant",), "description", _KEPT),
    Row(("assistant",), "metadata", _KEPT),
    Row(("assistant", "run"), "model", "`model`", _named("model")),
    Row(("assistant", "run"), "instructions", "`instructions`", _named("instructions")),
    Row(("run",), "additional_instructions", "appended to `instructions`", _additional),
    Row(
        ("assistant", "run"),
        "tools",
        "`tools`: functions flat and not strict where they do not say otherwise; `file_search` "
        "with `vector_store_ids`, `code_interpreter` with its `container`",
        _tools,
    ),
    Row(
        ("assistant", "thread", "run"),
        "tool_resources",
        "`vector_store_ids` and `container.file_ids` of the tools; `vector_stores` is refused: "
        "make the store first",
    ),
    Row(("assistant", "run"), "temperature", "`temperature`", _named("temperature")),
    Row(("assistant", "run"), "top_p", "`top_p`", _named("top_p")),
    Row(("assistant", "run"), "response_format", "`text.format`, a schema not nested", _format),
    Row(
        ("assistant", "run"),
        "reasoning_effort",
        "`reasoning.effort`",
        lambda value, _: {"reasoning": {"effort": value}},
    ),
    # What only a run has
    Row(("run",), "metadata", "`metadata` of each response", _named("metadata")),
    Row(
        ("run",),
        "tool_choice",
        "`tool_choice`, a function not nested",
        lambda value, _: {"tool_choice": convert_choice(value)},
    ),
    Row(
        ("run",),
        "parallel_tool_calls",
        "`parallel_tool_calls`",
        _named("parallel_tool_calls"),
    ),
    Row(
        ("run",),
        "max_completion_tokens",
        "`max_output_tokens`; a response that follows tools gets what is left of it, at least 16",
        _named("max_output_tokens"),
    ),
    Row(
        ("run",),
        "max_prompt_tokens",
        "",
        refusal="max_prompt_tokens: a response has no limit for what it reads; let the server "
        "shorten it with truncation_strategy={'type': 'auto'}, or send the last messages only, "
        "with Client(wire='responses', threads='replay') and "
        "truncation_strategy={'type': 'last_messages', 'last_messages': 10}",
    ),
    Row(
        ("run",),
        "truncation_strategy",
        "`auto` and `disabled` are `truncation`; `last_messages` is done here with "
        '`threads="replay"`, and refused with the others',
        _truncation,
    ),
    Row(
        ("run",),
        "include",
        "`include`: the content of search results is `file_search_call.results`; this wire's own "
        "names stay",
        _include,
    ),
    Row(
        ("step",),
        "include",
        "",
        refusal="include: a step has what its run brought; give include=[...] with the run",
    ),
    # Threads, and what can be changed later
    Row(
        ("thread",),
        "metadata",
        '`metadata` of the conversation with `threads="conversation"`, else kept by this client',
    ),
    Row(
        ("update",),
        "metadata",
        "",
        refusal="metadata of a run cannot be changed once its response was made; give "
        "metadata={...} with the run",
    ),
    # Lists are of what this client knows
    *(Row(("list",), name, _SAME) for name in ("limit", "order", "after", "before", "run_id")),
    # What is not of the API
    *(
        Row(("stream",), name, _SAME)
        for name in (
            "event_handler",
            "handlers",
            "max_frame_bytes",
            "cancel_on_interrupt",
            "approve",
            "tool_errors",
            "max_rounds",
            "executor",
        )
    ),
    Row(
        ("stream",),
        "recover",
        'the same, with `extra_body={"background": True}`; other responses end with their '
        "connection",
    ),
    Row(
        ("submit",),
        "tool_outputs",
        "items `function_call_output` or `custom_tool_call_output`; "
        '`{"tool_call_id": ..., "approve": True}` is `mcp_approval_response`',
    ),
    Row(("submit",), "tools", _SAME),
    Row(("call",), "extra_headers", _SAME),
    Row(("call",), "extra_query", _SAME),
    Row(("call",), "timeout", _SAME),
    Row(
        ("call",),
        "extra_body",
        "added to the request of a run, an assistant's to each of its runs; refused by calls "
        "that send nothing",
    ),
)


def row_of(call: str, name: str) -> Row | None:
    """Return the row of a parameter of a kind of call, or None."""
    return next((row for row in ROWS if row.name == name and call in row.calls), None)


def make_request(values: Values) -> dict[str, Any]:
    """Return the parameters of ``client.responses.stream`` that VALUES become.

    Raises:
        ValueError: One is refused.
    """
    request: dict[str, Any] = {}
    include: list[str] = []
    for row in ROWS:
        value = values.given.get(row.name)
        if "run" not in row.calls or value is None:
            continue
        if row.refusal:
            raise ValueError(row.refusal)
        if row.put is not None:
            made = dict(row.put(value, values))
            include += made.pop("include", ())
            request.update(made)
    if include:
        request["include"] = list(dict.fromkeys(include))
    return request


def trimmed(strategy: Any, earlier: list[Any], new: int) -> list[Any]:
    """Return of EARLIER, the items of a thread, what ``truncation_strategy`` leaves.

    Args:
        strategy: The parameter.
        earlier: What was said; it stays as it is.
        new: How many messages come after it; they count, and always stay.
    """
    plain = unstructure(strategy) or {}
    count = plain.get("last_messages")
    if plain.get("type") != "last_messages" or not isinstance(count, int):
        return earlier
    places = [place for place, item in enumerate(earlier) if item.get("type") == "message"]
    left = max(count - new, 0)
    if left >= len(places):
        return earlier
    kept = earlier[places[-left] :] if left else []
    # An output is refused whose call is not there.
    calls = {item.get("call_id") for item in kept if not _is_output(item)}
    return [item for item in kept if not _is_output(item) or item.get("call_id") in calls]


def _is_output(item: Mapping[str, Any]) -> bool:
    """Tell whether an item is what a call gave."""
    return str(item.get("type")).endswith("_call_output")
