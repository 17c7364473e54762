"""``client.assistants``, kept in this client.

Rules of this file: nothing is sent; an assistant's settings are sent with each of its runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core.api.assistants_params import AssistantParams, AssistantUpdateParams, ListParams
from stream_core.api.options import CallOptions
from stream_core.client.assistants import Assistants
from stream_core.models import Assistant, Deleted

from .local_calls import make_page, read_arguments
from .thread_state import new_id

if TYPE_CHECKING:
    from typing import Unpack

    from stream_core.api.pages import Page

    from .memory import Memory

__all__ = ["LocalAssistants"]


class LocalAssistants(Assistants):
    """Calls on assistants: ``client.assistants``."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory.transport)
        self._memory = memory

    def create(self, *, model: str, **params: Unpack[AssistantParams]) -> Assistant:
        """Make an assistant; ``extra_body`` is sent with the requests of its runs."""
        profile = read_arguments(AssistantParams, params, may_add=True, model=model)
        return self._memory.keep_assistant(new_id("asst"), profile)

    def retrieve(self, assistant_id: str, **options: Unpack[CallOptions]) -> Assistant:
        """Return an assistant."""
        read_arguments(CallOptions, options)
        self._memory.profile(assistant_id)
        return self._memory.assistants[assistant_id]

    def update(self, assistant_id: str, **params: Unpack[AssistantUpdateParams]) -> Assistant:
        """Change an assistant for future runs."""
        changes = read_arguments(AssistantUpdateParams, params, may_add=True)
        profile = {**self._memory.profile(assistant_id), **changes}
        return self._memory.keep_assistant(assistant_id, profile)

    def list(self, **params: Unpack[ListParams]) -> Page[Assistant]:
        """Return a page of the assistants that this client knows."""
        return make_page(self._memory.assistants, ListParams, params)

    def delete(self, assistant_id: str, **options: Unpack[CallOptions]) -> Deleted:
        """Forget an assistant."""
        read_arguments(CallOptions, options)
        self._memory.forget_assistant(assistant_id)
        return Deleted(assistant_id, "assistant.deleted", deleted=True)
