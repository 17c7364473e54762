"""The one table: what each parameter of the Assistants API becomes on the Responses wire.

Rules of this file:

- Every parameter of ``assistants_params`` has a row for each kind of call that takes it. The
  documentation is printed from this table.
- A row states what the parameter becomes, with a function if that is part of the request; or
  a sentence says why it is refused and what to do instead. Nothing is left out silently.
- A parameter of a run overrides the assistant's; None counts as not given.
- Instructions and tools go with every request, because the server does not carry them over.
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
    """The values from which the request of a run is made.

    Attributes:
        given: The parameters of the run, and those of the assistant that it does not override.
        resources: The resources of tools: the assistant's, the thread's and the run's.
        replay: Whether the thread sends everything again with each run.
    """

    given: Mapping[str, Any]
    resources: Resources
    replay: bool


class Row(NamedTuple):
    """How one parameter is handled.

    Attributes:
        calls: The kinds of call that take it: those that make or change an ``assistant``, a
            ``thread`` or a ``message``, start a ``run``, ``update`` one or ``submit`` to one;
            those that ``list``; those about a ``step``; all that ``stream``; or every ``call``.
        name: Its name.
        becomes: What it becomes, for the documentation; "" if it is refused.
        put: Returns the parameters of the request that it becomes; None if it becomes none.
        refusal: Why it is refused, and what to do instead.
    """

    calls: tuple[str, ...]
    name: str
    becomes: str
    put: Callable[[Any, Values], Mapping[str, Any]] | None = None
    refusal: str = ""


def _named(name: str) -> Callable[[Any, Values], Mapping[str, Any]]:
    """Return a function that sends a parameter under NAME."""
    return lambda value, _: {name: unstructure(value)}


def _additional(value: str, values: Values) -> Mapping[str, Any]:
    """Append VALUE to the instructions."""
    both = (values.given.get("instructions"), value)
    return {"instructions": "\n".join(filter(None, both))}


def _tools(value: Any, values: Values) -> Mapping[str, Any]:
    """Add their resources to tools; ask for the outputs of code, which run steps always have."""
    tools = convert_tools(value, values.resources)
    wants = isinstance(tools, list) and has_tool(tools, "code_interpreter")
    return {"tools": tools, **({"include": [_OUTPUTS]} if wants else {})}


def _format(value: Any, _: Values) -> Mapping[str, Any]:
    """Return the format of the text; ``auto`` is the default, so it is not sent."""
    plain = unstructure(value)
    if isinstance(plain, str):
        return {} if plain == "auto" else {"text": {"format": {"type": plain}}}
    return {"text": {"format": {"type": plain.get("type"), **(plain.get("json_schema") or {})}}}


def _truncation(value: Any, values: Values) -> Mapping[str, Any]:
    """Let the server shorten the input; messages are counted here, see ``trimmed``."""
    plain = unstructure(value)
    if plain.get("type") != "last_messages":
        return {"truncation": plain.get("type")}
    if not values.replay:
        raise ValueError(
            "truncation_strategy: last_messages works only if the client sends all messages "
            "itself: make the client with Client(wire='responses', threads='replay')"
        )
    return {}


_OUTPUTS = "code_interpreter_call.outputs"

#: Maps the names that Assistants use in ``include`` to those of this wire.
_INCLUDED = {
    "step_details.tool_calls[*].file_search.results[*].content": "file_search_call.results"
}


def _include(value: Any, _: Values) -> Mapping[str, Any]:
    """Rename the values of ``include``; this wire's own names stay."""
    return {"include": [_INCLUDED.get(one, one) for one in value]}


_KEPT = "kept by this client; not sent"
_SAME = "the same"

#: Every parameter. If two rows set the same parameter of the request, the later row is used;
#: for ``include`` both are.
ROWS: tuple[Row, ...] = (
    # The assistant and the thread of a run
    Row(("run",), "assistant_id", "the assistant's settings: `model`, `instructions`, `tools` ..."),
    Row(("run", "message", "list", "step"), "thread_id", "see the back ends of threads"),
    Row(("run",), "thread", "the new thread's `input`"),
    Row(("thread",), "messages", "`input` of the next run"),
    Row(("run",), "additional_messages", "`input`, after the thread's"),
    # The parts of a message
    Row(("message",), "role", "`role` of an item of `input`"),
    Row(
        ("message",),
        "content",
        "`content` of the item: `text` becomes `input_text`, `image_file` and `image_url` become "
        "`input_image`",
    ),
    Row(
        ("message",),
        "attachments",
        "without tools `input_file`; for `code_interpreter` a file of its container; refused for "
        "`file_search`: name its vector store in `tool_resources`",
    ),
    Row(("message",), "metadata", _KEPT),
    # Settings of an assistant, which a run may override
    Row(("assistant",), "name", _KEPT),
    Row(("assistant",), "description", _KEPT),
    Row(("assistant",), "metadata", _KEPT),
    Row(("assistant", "run"), "model", "`model`", _named("model")),
    Row(("assistant", "run"), "instructions", "`instructions`", _named("instructions")),
    Row(("run",), "additional_instructions", "appended to `instructions`", _additional),
    Row(
        ("assistant", "run"),
        "tools",
        "`tools`: functions are flat, and not strict unless they say otherwise; `file_search` "
        "has its `vector_store_ids`, `code_interpreter` its `container`",
        _tools,
    ),
    Row(
        ("assistant", "thread", "run"),
        "tool_resources",
        "`vector_store_ids` and `container.file_ids` of the tools; `vector_stores` is refused: "
        "make the store beforehand",
    ),
    Row(("assistant", "run"), "temperature", "`temperature`", _named("temperature")),
    Row(("assistant", "run"), "top_p", "`top_p`", _named("top_p")),
    Row(
        ("assistant", "run"),
        "response_format",
        "`text.format`, with a schema that is not nested",
        _format,
    ),
    Row(
        ("assistant", "run"),
        "reasoning_effort",
        "`reasoning.effort`",
        lambda value, _: {"reasoning": {"effort": value}},
    ),
    # Parameters that only a run has
    Row(("run",), "metadata", "`metadata` of each response", _named("metadata")),
    Row(
        ("run",),
        "tool_choice",
        "`tool_choice`, with a function that is not nested",
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
        "`max_output_tokens`; a response after a round of tools gets the rest, but at least 16",
        _named("max_output_tokens"),
    ),
    Row(
        ("run",),
        "max_prompt_tokens",
        "",
        refusal="max_prompt_tokens: the Responses wire has no limit for the input; let the server "
        "shorten it with truncation_strategy={'type': 'auto'}, or send only the last messages "
        "with Client(wire='responses', threads='replay') and "
        "truncation_strategy={'type': 'last_messages', 'last_messages': 10}",
    ),
    Row(
        ("run",),
        "truncation_strategy",
        "`auto` and `disabled` become `truncation`; `last_messages` is applied by this client with "
        '`threads="replay"`, and refused with the other back ends',
        _truncation,
    ),
    Row(
        ("run",),
        "include",
        "`include`: the content of search results becomes `file_search_call.results`; this wire's "
        "own names stay",
        _include,
    ),
    Row(
        ("step",),
        "include",
        "",
        refusal="include: a step has only what its run asked for; give include=[...] with the run",
    ),
    # Threads and later changes
    Row(
        ("thread",),
        "metadata",
        '`metadata` of the conversation with `threads="conversation"`, otherwise kept by this '
        "client",
    ),
    Row(
        ("update",),
        "metadata",
        "",
        refusal="metadata: a run cannot be changed after its response was made; give "
        "metadata={...} with the run",
    ),
    # Lists contain the objects that this client knows
    *(Row(("list",), name, _SAME) for name in ("limit", "order", "after", "before", "run_id")),
    # Arguments that are not parameters of the API
    *(
        Row(("stream",), name, _SAME)
        for name in (
            "event_handler",
            "handlers",
            "max_frame_bytes",
            "cancel_on_interrupt",
            "idle_timeout",
            "deadline",
            "approve",
            "tool_errors",
            "max_rounds",
            "executor",
        )
    ),
    Row(
        ("stream",),
        "recover",
        'the same, but only with `extra_body={"background": True}`: other responses end with '
        "their connection",
    ),
    Row(
        ("run",),
        "run_keys",
        "",
        refusal="run_keys: the server keeps no list of runs in which a key could be found; leave "
        "it out",
    ),
    Row(
        ("submit",),
        "tool_outputs",
        "items `function_call_output` or `custom_tool_call_output`; "
        '`{"tool_call_id": ..., "approve": True}` becomes `mcp_approval_response`',
    ),
    Row(("submit",), "tools", _SAME),
    Row(("call",), "extra_headers", _SAME),
    Row(("call",), "extra_query", _SAME),
    Row(("call",), "timeout", _SAME),
    Row(
        ("call",),
        "extra_body",
        "added to the request of a run, that of an assistant to each of its runs; refused by "
        "calls that send nothing",
    ),
)


def row_of(call: str, name: str) -> Row | None:
    """Return the row of a parameter for a kind of call, or None if there is none."""
    return next((row for row in ROWS if row.name == name and call in row.calls), None)


def make_request(values: Values) -> dict[str, Any]:
    """Return the parameters of ``client.responses.stream`` that VALUES become.

    Raises:
        ValueError: A parameter is refused.
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
    """Return the items that ``truncation_strategy`` leaves of EARLIER.

    Args:
        strategy: The parameter.
        earlier: The items of a thread; they are not changed.
        new: The number of new messages after them; these count and are always kept.
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
    # The server refuses an output without its call.
    calls = {item.get("call_id") for item in kept if not _is_output(item)}
    return [item for item in kept if not _is_output(item) or item.get("call_id") in calls]


def _is_output(item: Mapping[str, Any]) -> bool:
    """Return whether an item is the output of a call."""
    return str(item.get("type")).endswith("_call_output")
