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
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen, validators

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


def _json_text(value: Mapping[str, Any] | str) -> str:
    """Return arguments as the JSON text that a model would write."""
    return value if isinstance(value, str) else json.dumps(dict(value), ensure_ascii=False)


@frozen
class FileCitation:
    """A citation of a file, at the place of ``text`` in the answer.

    Attributes:
        text: The marker as in the answer, e.g. ``【4:0†source】``.
        file_id: The cited file.
    """

    text: str
    file_id: str


@frozen
class FilePath:
    """A file that the code interpreter made, named in the answer by ``text``.

    Attributes:
        text: The path as in the answer, e.g. ``sandbox:/mnt/data/a.csv``.
        file_id: The file made.
    """

    text: str
    file_id: str


@frozen
class UrlCitation:
    """A citation of a web page (Azure), at the place of ``text`` in the answer.

    Attributes:
        text: The marker as in the answer.
        url: The page's address.
        title: The page's title.
    """

    text: str
    url: str
    title: str = ""


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

    text: str
    annotations: Sequence[Annotation] = ()
    pieces: Sequence[str] | None = None
    new_part: bool = False


@frozen
class Refuse:
    """A refusal part: the model declines, with this text."""

    text: str


@frozen
class ShowImage:
    """An ``image_file`` part.

    Attributes:
        file_id: The image's file.
        detail: ``auto``, ``low`` or ``high``; None leaves the key out.
    """

    file_id: str
    detail: str | None = None


@frozen
class ShowImageURL:
    """An ``image_url`` part.

    Attributes:
        url: The image's address.
        detail: ``auto``, ``low`` or ``high``; None leaves the key out.
    """

    url: str
    detail: str | None = None


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

    name: str
    arguments: str = field(default="{}", converter=_json_text)


@frozen
class CallFunctions:
    """Call functions of the client, all in one step; ends the turn (``requires_action``).

    Attributes:
        calls: At least one.
    """

    calls: Sequence[FunctionCall] = field(validator=validators.min_len(1))


@frozen
class RunCode:
    """A code interpreter step.

    Attributes:
        input: The code.
        logs: Its printed output; may be empty.
        image_file_id: An image it drew, or None.
    """

    input: str
    logs: str = ""
    image_file_id: str | None = None


@frozen
class SearchResult:
    """One hit of a file search.

    Attributes:
        file_id: The file found.
        file_name: Its name.
        score: 0 to 1.
        text: The passage; sent only when the request's ``include`` asks for content.
    """

    file_id: str
    file_name: str
    score: float = 1.0
    text: str = ""


@frozen
class SearchFiles:
    """A file search step.

    Attributes:
        results: Hits, sent only with the completed step, as on the real wire.
    """

    results: Sequence[SearchResult] = ()


@frozen
class ListTools:
    """Azure's ``activities`` step: the tools of an MCP server are listed.

    Attributes:
        server_label: The MCP tool's label.
        tools: Tool name to ``{"description": ..., "parameters": {...}}``.
    """

    server_label: str
    tools: Mapping[str, Mapping[str, Any]] = field(factory=dict)


@frozen
class McpCall:
    """One call of an MCP server's tool, made by the service after approval (Azure).

    Attributes:
        server_label: The MCP tool's label.
        name: The tool of that server.
        arguments: A mapping, or text that is sent as it is.
        output: The tool's output once the call is approved.
    """

    server_label: str
    name: str
    arguments: str = field(default="{}", converter=_json_text)
    output: str = ""


@frozen
class AskApproval:
    """Ask the client to approve MCP calls; ends the turn (``requires_action``).

    Attributes:
        calls: At least one.
    """

    calls: Sequence[McpCall] = field(validator=validators.min_len(1))


@frozen
class Fail:
    """The run fails.

    Attributes:
        code: ``server_error``, ``rate_limit_exceeded``, ``invalid_prompt``, or any other code.
        message: For people.
    """

    code: str = "server_error"
    message: str = "Sorry, something went wrong."


@frozen
class StopShort:
    """The run ends as ``incomplete``.

    Attributes:
        reason: ``max_completion_tokens``, ``max_prompt_tokens`` or ``content_filter``.
    """

    reason: str = "max_completion_tokens"


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

    message: str = "The server had an error processing your request."
    type: str = "server_error"
    code: str | None = None
    param: str | None = None


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
