"""The keyword arguments of the calls on the wires of Responses and of Chat Completions.

The rules are those of ``params``; the parameters are described in OpenAI's API reference,
"Create a model response" and "Create chat completion". ``stream`` is no argument: the calls
are for streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .options import ModelParams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Object

__all__ = ["ResponseStreamParams"]


class ResponseStreamParams(ModelParams, total=False):
    """What a streamed response takes.

    Attributes:
        stateless: Not sent. True: a round of tools sends the whole input again with all that
            came of it, for servers that keep nothing; False: it names the last response. By
            default it is True with ``store=False``; and where a server answers that it does
            not know ``previous_response_id``, the rest of the run goes on as with True. Say
            True to a server that forgets without saying so (Ollama). Models that reason need
            ``include=["reasoning.encrypted_content"]`` then.
        background: True: the response goes on without its connection, so that a lost one is
            joined again, and ``cancel`` is told to the server.
        tools: Functions are run; those that are nested as for Assistants are sent flat.
    """

    stateless: bool
    access_programs: Object
    background: bool | None
    background_options: Object
    context_management: Sequence[Object] | None
    conversation: str | Object | None
    image: Object
    include: Sequence[str] | None
    input: str | Sequence[Object]
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    model: str
    previous_response_id: str | None
    prompt: Object | None
    reasoning: Object | None
    text: Object
    truncation: Literal["auto", "disabled"] | None
