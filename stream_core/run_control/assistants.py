"""What can be done about a run of the Assistants API, which the server keeps.

Rules of this file:

- Which request, and what its answer means; what to deliver is decided in ``tools.rounds`` and
  ``recovery``.
- A run is the one whose id was seen, or that the caller named, or that has the key of the
  request. No other is taken for it: its answer would be delivered as this one's, and its calls be
  run.
- A request that makes a run, or submits outputs, is not simply sent again if its answer is lost:
  the server is asked what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from stream_core.api.assistants_params import ListParams, MessageListParams, StepListParams
from stream_core.api.options import CallOptions
from stream_core.api.request import BETA, ask, ask_list, make_options
from stream_core.convert.payloads import structure
from stream_core.effects import Ask, Now, Open, Wait
from stream_core.errors import (
    BadRequestError,
    ConflictError,
    InternalServerError,
    StreamError,
    TransportError,
)
from stream_core.models import TERMINAL_RUN_STATUSES, Message, Run, RunStep

from .cancelling import cancel
from .limits import within
from .paths import server_path
from .polling import TRIES, persist
from .recovery import DEFAULT_RECOVERY_SECONDS, Recovery
from .run_keys import RUN_KEY, find_run
from .submissions import Submission

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from stream_core.api.pages import PageData
    from stream_core.dialects import Decoded
    from stream_core.effects import Flow
    from stream_core.snapshots.stream_state import Snapshots
    from stream_core.source import Source
    from stream_core.tools.rounds import ToolRounds

__all__ = ["AssistantsControl"]

#: Statuses of a run that need not be cancelled, or are being.
_CANCELLED = TERMINAL_RUN_STATUSES | {"cancelling"}

#: As many as the API gives at once.
_PAGE: Final = 100

#: So many pages of a list are asked for; a run has a few dozen steps.
_PAGES: Final = 100

#: Seconds until it is asked whether outputs that were submitted again were accepted.
_PAUSE: Final = 0.1

#: What a server says of outputs that it does not wait for.
_REFUSED = (BadRequestError, ConflictError)

#: What leaves it open whether the server did what it was asked for.
_LOST = (TransportError, InternalServerError)


class AssistantsControl:
    """Controls the run of one stream (see :class:`stream_core.Control`).

    Attributes:
        recovers: Whether it asks what became of the run.
    """

    def __init__(  # noqa: PLR0913  # what may be known of a run
        self,
        path: str = "",
        request: Mapping[str, Any] | None = None,
        *,
        thread_id: str | None = None,
        run_id: str | None = None,
        key: str | None = None,
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
            run_id: The run, if there is one already; then the first request submits outputs.
            key: The key in the metadata of the run that the first request makes.
            answered: The ids of the calls whose outputs the stream is an answer to.
            rounds: Answers what the run requires; None: the caller does.
            recover: Whether to ask what became of the run when the connection is lost.
            options: What the caller adds to each request.
        """
        self._first = Open("POST", path, request or {})
        self._rounds = rounds
        self._thread_id, self._key = thread_id, key
        # The run, if it is known without any event.
        self._known = Run(id=run_id, thread_id=thread_id or "") if run_id else None
        # The outputs of which it is not known yet whether they were accepted.
        self._submission = Submission(self._first, answered) if run_id else None
        self._recovery = Recovery(self, answered=answered) if recover else None
        self.recovers = recover
        self._options: CallOptions = options or {}

    def begin(self) -> Flow[Source]:
        """Send the first request; return its source."""
        return (yield from self._send(self._first))

    def create(self) -> Flow[Run]:
        """Send the first request without a stream; return the run that it made."""
        first = self._first
        try:
            return structure(Run, (yield Ask(first.method, first.path, first.options)))
        except _LOST as failure:
            try:
                run = yield from self._made()
            except StreamError as second:
                raise _noted(failure, second) from failure.__cause__
        return run

    # --- Rounds of tools ----------------------------------------------------------------

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
        request = Open("POST", self._path(run, "/submit_tool_outputs"), options)
        self._submission = Submission.to(run, request)
        return (yield from self._send(request))

    # --- Requests whose answer is lost --------------------------------------------------

    def _send(self, request: Open) -> Flow[Source]:
        """Send a request that makes a run, or submits to one; return the source that goes on."""
        try:
            source: Source = yield request
        except _LOST as failure:
            if not self.recovers:
                raise
            try:
                source = yield from self._look_after(failure)
            except StreamError as second:
                raise _noted(failure, second) from failure.__cause__
        return source

    def _look_after(self, failure: StreamError) -> Flow[Source]:
        """Find out what a request did whose answer FAILURE took; return the source that goes on.

        Raises:
            StreamError: That cannot be known.
        """
        if self._submission is not None:
            deadline = (yield Now()) + DEFAULT_RECOVERY_SECONDS
            source = yield from within(self._settle(self._submission), deadline)
            return _lost(failure) if source is None else source
        yield from self._made()
        return _lost(failure)

    def _made(self) -> Flow[Run]:
        """Return the run that the first request made, though its answer is lost.

        Raises:
            StreamError: That cannot be known.
        """
        deadline = (yield Now()) + DEFAULT_RECOVERY_SECONDS
        run = yield from within(self._find_by_key(self._thread_id), deadline)
        if run is None:
            raise StreamError(self._advice(self._thread_id))
        return run

    def _settle(self, submission: Submission) -> Flow[Source | None]:
        """Submit outputs again, if the server says that it does not have them.

        Returns:
            The source that goes on; None if the server has them, and the run goes on without.

        Raises:
            StreamError: The server could not be asked, or never takes them.
        """
        known = submission.run or self._known or Run()
        while True:
            now = yield from persist(lambda: self.run(known))
            if not submission.is_missing(now):
                self._submission = None
                return None
            if submission.times == TRIES:
                raise StreamError(
                    f"outputs were submitted {TRIES} times, and run {known.id} still waits for them"
                )
            submission.times += 1
            try:
                source: Source = yield submission.request
            except (*_LOST, *_REFUSED):  # the first may have been accepted meanwhile
                yield Wait(_PAUSE * submission.times)
            else:
                return source

    def rejoin(self, snapshots: Snapshots) -> Flow[Source | None]:
        """Submit outputs again that the server does not have; else return None.

        This API does not stream again what was lost.
        """
        submission = self._submission
        if submission is None or not self.recovers:
            return None
        if snapshots.current_run is not submission.run:  # the run went on, so it has them
            self._submission = None
            return None
        return (yield from self._settle(submission))

    # --- What became of the run ---------------------------------------------------------

    def recover(self, snapshots: Snapshots) -> Flow[tuple[Run, list[Decoded]] | None]:
        """Ask what became of the run."""
        if self._recovery is None:
            return None
        run = yield from self.find(snapshots)
        if run is None:
            raise StreamError(self._advice(self._thread_id or snapshots.thread_id))
        return (yield from self._recovery.recover(run, snapshots))

    def cancel(self, run: Run) -> Flow[bool]:
        """Cancel RUN, unless it has ended."""
        return cancel(
            self._ask(Run, "POST", self._path(run, "/cancel")),
            lambda: self.run(run),
            lambda now: now.status in _CANCELLED,
        )

    def find(self, snapshots: Snapshots) -> Flow[Run | None]:
        """Return the run that was heard of, or named, or that has the key of the request.

        Never another one of its thread, not even the newest: it may be somebody else's, or older.
        """
        thread_id = self._thread_id or snapshots.thread_id
        run = snapshots.current_run
        if run is None or not run.id:
            run = self._known or (yield from self._find_by_key(thread_id))
        if run is None or run.thread_id:
            return run
        return evolve(run, thread_id=thread_id) if thread_id else None

    def _find_by_key(self, thread_id: str | None) -> Flow[Run | None]:
        """Return the run of a thread that has the key of the request, or None."""
        if self._key is None or not thread_id:
            return None
        self._known = yield from find_run(
            self._key, lambda: self._list(Run, thread_id, "/runs", ListParams, order="desc")
        )
        return self._known

    def _advice(self, thread_id: str | None) -> str:
        """Return what to say of a run whose id was never seen."""
        if not thread_id:
            return "neither its thread nor its id was seen; thread and run may be there"
        where = f"client.threads.runs.list({thread_id!r})"
        if self._key is not None:
            return (
                f"its id was not seen, and none of the newest runs of thread {thread_id} has "
                f"{RUN_KEY}={self._key!r} in its metadata; look again with {where}"
            )
        return (
            "its id was not seen, and no other run is taken for it. A run may be going on: look "
            f"for it with {where}; with run_keys=True it is found by a key in its metadata"
        )

    # --- Questions ----------------------------------------------------------------------

    def run(self, run: Run) -> Flow[Run]:
        """Return RUN as it is now."""
        now: Run = yield from self._ask(Run, "GET", self._path(run))
        return now

    def steps(self, run: Run) -> Flow[Sequence[RunStep]]:
        """Return the steps of RUN, the oldest first."""
        path = f"/runs/{server_path('{run_id}', run_id=run.id)}/steps"
        return self._all(
            lambda: self._list(RunStep, self._thread(run), path, StepListParams, order="asc")
        )

    def step(self, run: Run, step_id: str) -> Flow[RunStep]:
        """Return a step of RUN."""
        step: RunStep = yield from self._ask(
            RunStep, "GET", self._path(run, "/steps/{step_id}", step_id=step_id)
        )
        return step

    def message(self, run: Run, message_id: str) -> Flow[Message]:
        """Return a message of RUN's thread."""
        template = "/threads/{thread_id}/messages/{message_id}"
        path = server_path(template, thread_id=self._thread(run), message_id=message_id)
        message: Message = yield from self._ask(Message, "GET", path)
        return message

    def messages(self, run: Run) -> Flow[Sequence[Message]]:
        """Return the messages of RUN, the oldest first."""
        given: Any = {"order": "asc", "run_id": run.id}
        return self._all(
            lambda: self._list(Message, self._thread(run), "/messages", MessageListParams, **given)
        )

    def _ask(self, cls: Any, method: str, path: str) -> Flow[Any]:
        """Send a request that takes no parameters, with the caller's options."""
        return (yield from ask(cls, method, path, CallOptions, self._options, headers=BETA))

    def _list(
        self, cls: Any, thread_id: str, rest: str, known: Any, **given: Any
    ) -> Flow[PageData[Any]]:
        """Ask for the first page of a list of something in a thread."""
        path = server_path("/threads/{thread_id}", thread_id=thread_id) + rest
        options = {"limit": _PAGE, **given, **self._options}
        return (yield from ask_list(cls, path, known, options, headers=BETA))

    @staticmethod
    def _all(first: Any) -> Flow[Sequence[Any]]:
        """Return the objects of all pages of a list.

        Raises:
            StreamError: A page could not be had, or there are too many.
        """
        page: PageData[Any] | None = yield from persist(first)
        found: list[Any] = []
        for _ in range(_PAGES):
            if page is None:
                return found
            found += page.data
            page = yield from persist(page.following)
        raise StreamError(f"the list has more than {_PAGES} pages")

    def _thread(self, run: Run) -> str:
        """Return the id of RUN's thread, as the server said or the caller."""
        return run.thread_id or self._thread_id or ""

    def _path(self, run: Run, rest: str = "", **ids: str) -> str:
        """Return the path of RUN, or of something in it."""
        template = "/threads/{thread_id}/runs/{run_id}" + rest
        return server_path(template, thread_id=self._thread(run), run_id=run.id, **ids)


def _noted(failure: StreamError, second: StreamError) -> StreamError:
    """Return FAILURE with a note on what was found out about it."""
    failure.add_note(f"it is not known what became of the run: {second}")
    return failure


def _lost(failure: StreamError) -> Iterator[bytes]:
    """Return a source of which nothing can be read, so that the stream recovers from FAILURE."""
    yield from ()
    raise failure
