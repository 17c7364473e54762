"""The parts of a run's answer, as a responder gives them.

Rules of this file:

- A part is a plain frozen value. It knows no ids, no wire and no server; the
  lifecycle turns parts into wire events.
- Consecutive content (`Say`, `Refuse`, `ShowImage`, `ShowImageURL`) becomes one
  message. `NewMessage`, a tool's part or the end closes it.
- A part of `ENDING` ends the turn: the parts after it are not requested. After
  tool outputs or approvals have come, the responder is called again.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen

from .validation import FLAG, NUMBER, TEXT, TEXTS, Check, or_none, sequence_of

__all__ = [
    "ENDING",
    "Annotation",
    "AskApproval",
    "CallFunctions",
    "Cancel",
    "Expire",
    "Fail",
    "FileCitation",
    "FilePath",
    "FunctionCall",
    "ListTools",
    "McpCall",
    "NewMessage",
    "Part",
    "Refuse",
    "RunCode",
    "Say",
    "SearchFiles",
    "SearchResult",
    "SendError",
    "ShowImage",
    "ShowImageURL",
    "StopShort",
    "UrlCitation",
]


_TEXT_OR_NONE = or_none(TEXT)
_TOOLS = Check(
    "a mapping of names to mappings",
    lambda value: (
        isinstance(value, Mapping) and all(isinstance(tool, Mapping) for tool in value.values())
    ),
)


def _json_text(value: Mapping[str, Any] | str) -> str:
    """Return arguments as the JSON text that a model would write."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(dict(value), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"arguments={reprlib.repr(value)} is not a JSON object ({error}): "
            "give a mapping of JSON values, or a text that is sent as it is"
        ) from error


@frozen
class FileCitation:
    """A citation of a file, at the place of ``text`` in the answer.

    Attributes:
        text: The marker as in the answer, e.g. ``【4:0†source】``.
        file_id: The cited file.
    """

    text: str = field(validator=TEXT)
    file_id: str = field(validator=TEXT)


@frozen
class FilePath:
    """A file that the code interpreter made, named in the answer by ``text``.

    Attributes:
        text: The path as in the answer, e.g. ``sandbox:/mnt/data/a.csv``.
        file_id: The file made.
    """

    text: str = field(validator=TEXT)
    file_id: str = field(validator=TEXT)


@frozen
class UrlCitation:
    """A citation of a web page (Azure), at the place of ``text`` in the answer.

    Attributes:
        text: The marker as in the answer.
        url: The page's address.
        title: The page's title.
    """

    text: str = field(validator=TEXT)
    url: str = field(validator=TEXT)
    title: str = field(default="", validator=TEXT)


Annotation: TypeAlias = FileCitation | FilePath | UrlCitation


@frozen
class Say:
    """Text of the assistant.

    A `Say` directly after another one continues the same text part, unless
    ``new_part`` is true; so a generator can yield words as they come.

    Attributes:
        text: The text.
        annotations: In the order of their markers; each marker must be in ``text``.
        pieces: The exact deltas; joined they must be ``text``. None lets the
            server cut the text, always at the same places.
        new_part: Begin a new text part even if the last part is text too.
    """

    text: str = field(validator=TEXT)
    annotations: Sequence[Annotation] = field(
        default=(), validator=sequence_of(FileCitation, FilePath, UrlCitation)
    )
    pieces: Sequence[str] | None = field(default=None, validator=or_none(TEXTS))
    new_part: bool = field(default=False, validator=FLAG)


@frozen
class Refuse:
    """A refusal part: the model declines, with this text."""

    text: str = field(validator=TEXT)


@frozen
class ShowImage:
    """An ``image_file`` part.

    Attributes:
        file_id: The image's file.
        detail: ``auto``, ``low`` or ``high``; None leaves the key out.
    """

    file_id: str = field(validator=TEXT)
    detail: str | None = field(default=None, validator=_TEXT_OR_NONE)


@frozen
class ShowImageURL:
    """An ``image_url`` part.

    Attributes:
        url: The image's address.
        detail: ``auto``, ``low`` or ``high``; None leaves the key out.
    """

    url: str = field(validator=TEXT)
    detail: str | None = field(default=None, validator=_TEXT_OR_NONE)


@frozen
class NewMessage:
    """Close the open message; the next content begins another one."""


@frozen
class FunctionCall:
    """One call of a function tool.

    Attributes:
        name: The function.
        arguments: A mapping, or text that is sent as it is (it need not be JSON:
            models make mistakes too).
    """

    name: str = field(validator=TEXT)
    arguments: str = field(default="{}", converter=_json_text)


@frozen
class CallFunctions:
    """Call functions of the client, all in one step; ends the turn (``requires_action``).

    Attributes:
        calls: At least one.
    """

    calls: Sequence[FunctionCall] = field(validator=sequence_of(FunctionCall, least=1))


@frozen
class RunCode:
    """A code interpreter step.

    Attributes:
        input: The code.
        logs: Its printed output; may be empty.
        image_file_id: An image it drew, or None.
    """

    input: str = field(validator=TEXT)
    logs: str = field(default="", validator=TEXT)
    image_file_id: str | None = field(default=None, validator=_TEXT_OR_NONE)


@frozen
class SearchResult:
    """One hit of a file search.

    Attributes:
        file_id: The file found.
        file_name: Its name.
        score: 0 to 1.
        text: The passage; sent only when the request's ``include`` asks for content.
    """

    file_id: str = field(validator=TEXT)
    file_name: str = field(validator=TEXT)
    score: float = field(default=1.0, validator=NUMBER)
    text: str = field(default="", validator=TEXT)


@frozen
class SearchFiles:
    """A file search step.

    Attributes:
        results: Hits, sent only with the completed step, as on the real wire.
    """

    results: Sequence[SearchResult] = field(default=(), validator=sequence_of(SearchResult))


@frozen
class ListTools:
    """Azure's ``activities`` step: the tools of an MCP server are listed.

    Attributes:
        server_label: The MCP tool's label.
        tools: Tool name to ``{"description": ..., "parameters": {...}}``.
    """

    server_label: str = field(validator=TEXT)
    tools: Mapping[str, Mapping[str, Any]] = field(factory=dict, validator=_TOOLS)


@frozen
class McpCall:
    """One call of an MCP server's tool, made by the service after approval (Azure).

    Attributes:
        server_label: The MCP tool's label.
        name: The tool of that server.
        arguments: A mapping, or text that is sent as it is.
        output: The tool's output once the call is approved.
    """

    server_label: str = field(validator=TEXT)
    name: str = field(validator=TEXT)
    arguments: str = field(default="{}", converter=_json_text)
    output: str = field(default="", validator=TEXT)


@frozen
class AskApproval:
    """Ask the client to approve MCP calls; ends the turn (``requires_action``).

    Attributes:
        calls: At least one.
    """

    calls: Sequence[McpCall] = field(validator=sequence_of(McpCall, least=1))


@frozen
class Fail:
    """The run fails.

    Attributes:
        code: ``server_error``, ``rate_limit_exceeded``, ``invalid_prompt``, or any other code.
        message: For people.
    """

    code: str = field(default="server_error", validator=TEXT)
    message: str = field(default="Sorry, something went wrong.", validator=TEXT)


@frozen
class StopShort:
    """The run ends as ``incomplete``.

    Attributes:
        reason: ``max_completion_tokens``, ``max_prompt_tokens`` or ``content_filter``.
    """

    reason: str = field(default="max_completion_tokens", validator=TEXT)


@frozen
class Cancel:
    """The run is cancelled, as if by a client."""


@frozen
class Expire:
    """The run runs out of time."""


@frozen
class SendError:
    """The stream breaks with an ``error`` event; the run is failed afterwards.

    Attributes:
        message: For people.
        type: OpenAI's class of error.
        code: A code for programs, or None.
        param: The parameter at fault, or None.
    """

    message: str = field(default="The server had an error processing your request.", validator=TEXT)
    type: str = field(default="server_error", validator=TEXT)
    code: str | None = field(default=None, validator=_TEXT_OR_NONE)
    param: str | None = field(default=None, validator=_TEXT_OR_NONE)


Part: TypeAlias = (
    Say
    | Refuse
    | ShowImage
    | ShowImageURL
    | NewMessage
    | CallFunctions
    | RunCode
    | SearchFiles
    | ListTools
    | AskApproval
    | Fail
    | StopShort
    | Cancel
    | Expire
    | SendError
)

ENDING = (CallFunctions, AskApproval, Fail, StopShort, Cancel, Expire, SendError)
"""The parts that end a turn."""
