"""The calls of the Assistants API over the Responses wire: ``Client(wire="responses")``.

The map, in import order::

    tool_params      tools, their resources, and the choice among them
    parameter_table  the one table: what each parameter becomes, and which are refused
    input_items      messages as items of input
    run_state        one run: its input, its output and its status
    thread_state     one thread
    local_calls      arguments and pages of calls that send nothing
    memory           all assistants and threads of one client
    assistants       client.assistants
    messages         client.threads.messages
    runs             client.threads.runs, client.threads.runs.steps
    threads          client.threads

Assistants, and the messages of threads, are kept in the client's memory; what the server stores
depends on the back end of the threads, see :class:`.memory.Memory`. Only
:class:`stream_core.Client` imports this package, and only if it is asked for.
"""

from __future__ import annotations

from .assistants import LocalAssistants
from .memory import BACK_ENDS, Memory
from .threads import LocalThreads

__all__ = ["BACK_ENDS", "LocalAssistants", "LocalThreads", "Memory"]
