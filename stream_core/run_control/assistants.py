"""What a stream can do about its run on the server.

Rules of this file: it asks and tells by the same small request helper as every other call;
what to say is decided in ``rounds`` and ``recovery``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_core.api.assistants_params import ListParams, StepListParams
from stream_core.api.options import CallOptions
from stream_core.api.request import Resource, make_options, make_path
from stream_core.errors import BadRequestError, ConflictError
from stream_core.models import TERMINAL_RUN_STATUSES, Message, Run, RunStep

from .recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from stream_core.dialects import Decoded
    from stream_core.events import LocalEvent
    from stream_core.http.transport import Transport
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source
    from stream_core.tools.rounds import ToolRounds

__all__ = ["RunControl"]

#: As many as the API gives at once.
_PAGE = 100


class RunControl(Resource):
    """Controls the run of one stream (see :class:`stream_core.streams.stream.Control`).

    Attributes:
        recovers: Whether it asks what became of the run.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        thread_id: str | None = None,
        answered: Collection[str] = (),
        rounds: ToolRounds | None = None,
        recover: bool = True,
        options: CallOptions | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            transport: To the server.
            thread_id: Where the run is, as far as the caller knows.
            answered: The ids of the calls whose outputs the stream is an answer to.
            rounds: Answers what the run requires; None: the caller does.
            recover: Whether to ask what became of the run when the connection is lost.
            options: What the caller adds to each request.
        """
        super().__init__(transport)
        self._rounds = rounds
        self._thread_id = thread_id
        self._recovery = Recovery(self, answered=answered) if recover else None
        self.recovers = recover
        self._options: CallOptions = options or {}

    def answer(self, run: Run) -> Iterator[LocalEvent | Source] | None:
        """Do what RUN requires; None where the caller does it."""
        if self._rounds is None or not self._rounds.answers(run):
            return None
        return self._answer(self._rounds, run)

    def _answer(self, rounds: ToolRounds, run: Run) -> Iterator[LocalEvent | Source]:
        """Yield what happens, and last the source that goes on."""
        for step in rounds.answer(run):
            if isinstance(step, dict):
                required = {**step, "stream": True}
                options = make_options("POST", CallOptions, self._options, required)
                path = _path(run, "/submit_tool_outputs")
                yield self._transport.open("POST", path, **options)
            else:
                yield step

    def recover(
        self, snapshots: Snapshots, stopped: Callable[[], bool]
    ) -> tuple[Run, list[Decoded]] | None:
        """Ask what became of the run."""
        return None if self._recovery is None else self._recovery.recover(snapshots, stopped)

    def rejoin(self, stopped: Callable[[], bool]) -> Source | None:
        """Return None: this API does not stream again what was lost."""
        del stopped
        return None

    def cancel(self, run: Run) -> bool:
        """Cancel RUN, unless it has ended."""
        try:
            self._ask(Run, "POST", _path(run, "/cancel"), CallOptions, self._options)
        except (BadRequestError, ConflictError):
            # So a server answers when it is too late; but not only then.
            if self.run(run).status not in {*TERMINAL_RUN_STATUSES, "cancelling"}:
                raise
        return True

    def find(self, snapshots: Snapshots) -> Run | None:
        """Return the run that was heard of, or else the newest one of the stream's thread.

        A thread has one run at a time, and the server had begun to answer.
        """
        run = snapshots.current_run
        thread_id = self._thread_id or snapshots.thread_id
        if run is None and thread_id:
            path = make_path("/threads/{thread_id}/runs", thread_id=thread_id)
            given = {"limit": 1, "order": "desc", **self._options}
            page = self._list(Run, path, ListParams, given)
            run = next(iter(page), None)
        return run if run is not None and run.id and run.thread_id else None

    def run(self, run: Run) -> Run:
        """Return RUN as it is now."""
        return self._ask(Run, "GET", _path(run), CallOptions, self._options)

    def steps(self, run: Run) -> Sequence[RunStep]:
        """Return the steps of RUN, the oldest first."""
        given = {"limit": _PAGE, "order": "asc", **self._options}
        return list(self._list(RunStep, _path(run, "/steps"), StepListParams, given).iter_all())

    def message(self, run: Run, message_id: str) -> Message:
        """Return a message of RUN's thread."""
        template = "/threads/{thread_id}/messages/{message_id}"
        path = make_path(template, thread_id=run.thread_id, message_id=message_id)
        return self._ask(Message, "GET", path, CallOptions, self._options)


def _path(run: Run, rest: str = "") -> str:
    """Return the path of RUN, or of something in it."""
    template = "/threads/{thread_id}/runs/{run_id}"
    return make_path(template, thread_id=run.thread_id, run_id=run.id) + rest
