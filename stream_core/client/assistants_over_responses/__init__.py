"""The calls of the Assistants API over the Responses wire: ``Client(wire="responses")``.

The map, in import order::

    parameters   the one table: what becomes of each parameter, and what is refused
    tools        tools, what they may use, and the choice among them
    content      messages as items of input
    turns        one run: what was sent, what came, how it stands
    kept         a thread
    arguments    arguments and pages of calls that send nothing
    memory       what is known of assistants and threads; it is here and nowhere else
    assistants   client.assistants
    messages     client.threads.messages
    runs         client.threads.runs, client.threads.runs.steps
    threads      client.threads

Assistants, and the messages of threads, are kept in the client's memory; what the server keeps
is up to the back end of the threads, see :class:`.memory.Memory`.
Only :class:`stream_core.Client` imports this package, when it is asked for.
"""

from __future__ import annotations

from .assistants import LocalAssistants
from .memory import BACK_ENDS, Memory
from .threads import LocalThreads

__all__ = ["BACK_ENDS", "LocalAssistants", "LocalThreads", "Memory"]
