"""The fields of a run that a response states, under the names of the Assistants wire.

Rules of this file:

- Only fields that a response states are returned; the others stay as they were.
- A tool, a choice or a format that the Assistants wire nests differently is nested its way. A
  tool that fits no class is kept whole: it is the caller's own configuration, and no reason to
  end a stream.
- Not here, because runs have no field for them: ``service_tier``, ``store``, ``prompt``,
  ``background`` and the like. They are in the ``raw`` of the run's events.
"""

from __future__ import annotations

from typing import Any

from stream_core import models
from stream_core.convert.payloads import structure
from stream_core.dialects.assistants import read_error
from stream_core.errors import DecodeError

from . import objects as wire

__all__ = ["assistant_id", "conversation_id", "last_error", "reason", "run_fields", "usage"]

#: OpenAI's code for an error that has no other.
_SERVER_ERROR = "server_error"


def run_fields(response: wire.Response) -> dict[str, Any]:
    """Return the fields of a run that RESPONSE states, except ids, status and usage."""
    text = response.instructions
    fields = {
        "created_at": response.created_at,
        "started_at": response.created_at,
        "completed_at": response.completed_at,
        "model": response.model or None,
        "instructions": text if isinstance(text, str) else None,
        "tools": [_tool(x) for x in wire.objects_in(response.tools)] or None,
        "metadata": response.metadata or None,
        "temperature": response.temperature,
        "top_p": response.top_p,
        "max_completion_tokens": response.max_output_tokens,
        "truncation_strategy": _truncation(response.truncation),
        "tool_choice": _tool_choice(response.tool_choice),
        "parallel_tool_calls": response.parallel_tool_calls,
        "response_format": _response_format(response),
        "reasoning_effort": _effort(response.reasoning),
    }
    return {name: value for name, value in fields.items() if value is not None}


def conversation_id(response: wire.Response) -> str:
    """Return the id of the response's conversation, or "" if it has none."""
    return _name(response.conversation, "id")


def assistant_id(response: wire.Response) -> str:
    """Return the name of the agent that answers (Azure), or "" if there is none."""
    return _name(response.agent_reference, "name")


def _name(value: Any, key: str) -> str:
    """Return VALUE if it is a string, else the string at its KEY, else ""."""
    found = value.get(key) if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def last_error(error: Any) -> models.LastError | None:
    """Return why something failed, from an object or a text; None if ERROR says nothing."""
    if not error:
        return None
    read = read_error(error)
    return models.LastError(read.code or read.type or _SERVER_ERROR, read.message)


def usage(sent: Any) -> models.Usage | None:
    """Return the tokens of one response in the form that runs have; None if none are stated."""
    if not isinstance(sent, dict):
        return None
    read = wire.read(wire.Usage, sent, "$.response.usage")
    counts = (read.input_tokens, read.output_tokens, read.total_tokens)
    if counts == (None, None, None):
        return None
    into, out, total = (count or 0 for count in counts)
    return models.Usage(
        into,
        out,
        into + out if read.total_tokens is None else total,
        read.input_tokens_details,
        None,
        read.output_tokens_details,
    )


def reason(response: wire.Response) -> str | None:
    """Return why a response is incomplete, in the server's word; None if that is not stated."""
    details = response.incomplete_details
    return wire.text_or_none(details.get("reason") if isinstance(details, dict) else details)


def _tool(tool: dict[str, Any]) -> models.Tool:
    """Return TOOL, which is flat on the Responses wire, in the nested form that runs have."""
    rest = {key: value for key, value in tool.items() if key != "type"}
    match tool.get("type"):
        case "function":
            nested: dict[str, Any] = {"type": "function", "function": rest}
            cls: Any = models.FunctionTool
        case "file_search":
            nested = {"type": "file_search", "file_search": rest}
            cls = models.FileSearchTool
        case "code_interpreter":
            nested, cls = tool, models.CodeInterpreterTool
        case "mcp":
            nested, cls = tool, models.MCPTool
        case _:
            nested, cls = tool, models.UnknownTool
    try:
        made: models.Tool = structure(cls, nested)
    except DecodeError:
        kind = tool.get("type")
        made = models.UnknownTool(kind if isinstance(kind, str) else None, tool)
    return made


def _tool_choice(choice: Any) -> str | models.ToolChoice | None:
    """Return which tool the model may or must call."""
    if not isinstance(choice, dict):
        return choice if isinstance(choice, str) else None
    kind, name = choice.get("type"), choice.get("name")
    function = models.FunctionName(name) if isinstance(name, str) else None
    rest = {key: value for key, value in choice.items() if key not in ("type", "name")}
    return models.ToolChoice(kind if isinstance(kind, str) else "", function, extra=rest or None)


def _response_format(response: wire.Response) -> str | models.ResponseFormat | None:
    """Return the format in which the text must be; plain text is ``auto``."""
    text = response.text
    sent = text.get("format") if isinstance(text, dict) else None
    if not isinstance(sent, dict):
        return None
    options = wire.read(wire.Format, sent, "$.response.text.format")
    if options.type == "json_schema":
        named = {
            "name": options.name,
            "description": options.description,
            "schema": options.schema,
            "strict": options.strict,
        }
        schema = {key: value for key, value in named.items() if value is not None}
        return models.ResponseFormat(options.type, schema)
    return "auto" if options.type == "text" else models.ResponseFormat(options.type)


def _truncation(value: Any) -> models.TruncationStrategy | None:
    """Return how the context is cut."""
    return models.TruncationStrategy(value) if isinstance(value, str) else None


def _effort(reasoning: dict[str, Any] | None) -> str | None:
    """Return how hard the model thinks."""
    effort = None if reasoning is None else reasoning.get("effort")
    return effort if isinstance(effort, str) else None
