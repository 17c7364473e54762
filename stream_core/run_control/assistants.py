"""What can be done about a run of the Assistants API, which the server keeps.

Rules of this file: which request, and what its answer means; what to deliver is decided in
``tools.rounds`` and ``recovery``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream_core.api.assistants_params import ListParams, StepListParams
from stream_core.api.options import CallOptions
from stream_core.api.request import BETA, ask, ask_list, make_options, make_path
from stream_core.effects import Open, immediate
from stream_core.models import TERMINAL_RUN_STATUSES, Message, Run, RunStep

from .cancelling import cancel
from .recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stream_core.dialects import Decoded
    from stream_core.effects import Flow
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source
    from stream_core.tools.rounds import ToolRounds

__all__ = ["AssistantsControl"]

#: Statuses of a run that need not be cancelled, or are being.
_CANCELLED = TERMINAL_RUN_STATUSES | {"cancelling"}

#: As many as the API gives at once.
_PAGE = 100


class AssistantsControl:
    """Controls the run of one stream (see :class:`stream_core.Control`).

    Attributes:
        recovers: Whether it asks what became of the run.
    """

    def __init__(
        self,
        path: str = "",
        request: Mapping[str, Any] | None = None,
        *,
        thread_id: str | None = None,
        answered: Collection[str] = (),
        rounds: ToolRounds | None = None,
        recover: bool = True,
        options: CallOptions | None = None,
    ) -> None:
        """Prepare.

        Args:
            path: Where the first request goes.
            request: Its other parts.
            thread_id: Where the run is, as far as the caller knows.
            answered: The ids of the calls whose outputs the stream is an answer to.
            rounds: Answers what the run requires; None: the caller does.
            recover: Whether to ask what became of the run when the connection is lost.
            options: What the caller adds to each request.
        """
        self._first = Open("POST", path, request or {})
        self._rounds = rounds
        self._thread_id = thread_id
        self._recovery = Recovery(self, answered=answered) if recover else None
        self.recovers = recover
        self._options: CallOptions = options or {}

    def begin(self) -> Flow[Source]:
        """Send the first request; return its source."""
        source: Source = yield self._first
        return source

    def answer(self, run: Run) -> Flow[Source | None] | None:
        """Do what RUN requires; None if that is left to the caller."""
        if self._rounds is None or not self._rounds.answers(run):
            return None
        return self._answer(self._rounds, run)

    def _answer(self, rounds: ToolRounds, run: Run) -> Flow[Source | None]:
        """Run the tools, submit their outputs, and return the source that goes on."""
        body = yield from rounds.answer(run)
        if body is None:
            return None
        required = {**body, "stream": True}
        options = make_options("POST", CallOptions, self._options, required, headers=BETA)
        source: Source = yield Open("POST", _path(run, "/submit_tool_outputs"), options)
        return source

    def rejoin(self) -> Flow[Source | None]:
        """Return None: this API does not stream again what was lost."""
        return immediate(None)

    def recover(self, snapshots: Snapshots) -> Flow[tuple[Run, list[Decoded]] | None]:
        """Ask what became of the run."""
        if self._recovery is None:
            return None
        return (yield from self._recovery.recover(snapshots))

    def cancel(self, run: Run) -> Flow[bool]:
        """Cancel RUN, unless it has ended."""
        return cancel(
            self._ask(Run, "POST", _path(run, "/cancel")),
            lambda: self.run(run),
            lambda now: now.status in _CANCELLED,
        )

    def find(self, snapshots: Snapshots) -> Flow[Run | None]:
        """Return the run that was heard of, or else the newest one of the stream's thread.

        A thread has one run at a time, and the server had begun to answer.
        """
        run = snapshots.current_run
        thread_id = self._thread_id or snapshots.thread_id
        if run is None and thread_id:
            path = make_path("/threads/{thread_id}/runs", thread_id=thread_id)
            given = {"limit": 1, "order": "desc", **self._options}
            page = yield from ask_list(Run, path, ListParams, given, headers=BETA)
            run = next(iter(page.data), None)
        return run if run is not None and run.id and run.thread_id else None

    def run(self, run: Run) -> Flow[Run]:
        """Return RUN as it is now."""
        now: Run = yield from self._ask(Run, "GET", _path(run))
        return now

    def steps(self, run: Run) -> Flow[Sequence[RunStep]]:
        """Return the steps of RUN, the oldest first."""
        given = {"limit": _PAGE, "order": "asc", **self._options}
        path = _path(run, "/steps")
        page = yield from ask_list(RunStep, path, StepListParams, given, headers=BETA)
        steps = list(page.data)
        while (following := (yield from page.following())) is not None:
            page = following
            steps += page.data
        return steps

    def message(self, run: Run, message_id: str) -> Flow[Message]:
        """Return a message of RUN's thread."""
        template = "/threads/{thread_id}/messages/{message_id}"
        path = make_path(template, thread_id=run.thread_id, message_id=message_id)
        message: Message = yield from self._ask(Message, "GET", path)
        return message

    def _ask(self, cls: Any, method: str, path: str) -> Flow[Any]:
        """Send a request that takes no parameters, with the caller's options."""
        return (yield from ask(cls, method, path, CallOptions, self._options, headers=BETA))


def _path(run: Run, rest: str = "") -> str:
    """Return the path of RUN, or of something in it."""
    template = "/threads/{thread_id}/runs/{run_id}"
    return make_path(template, thread_id=run.thread_id, run_id=run.id) + rest
