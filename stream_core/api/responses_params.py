"""The keyword arguments of ``client.responses.stream``, under their names on the wire.

They are described in OpenAI's API reference, "Create a model response". ``stream`` is not an
argument: these calls always stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .options import ModelParams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Object

__all__ = ["ResponseStreamParams"]


class ResponseStreamParams(ModelParams, total=False):
    """Arguments of a streamed response.

    Attributes:
        stateless: Not sent. If True, each round of tools sends the whole input and output so
            far again, for servers that store nothing; if False, it refers to the last
            response. The default is True with ``store=False``, else False; if a server then
            answers that it does not know ``previous_response_id``, the run goes on as with
            True. Pass True for a server that forgets without an error (Ollama). Reasoning
            models then need ``include=["reasoning.encrypted_content"]``.
        background: If True, the response does not depend on its connection: a lost connection
            can be joined again, and ``cancel`` is sent to the server.
        tools: Functions are run; definitions nested as for Assistants are sent flat.
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
