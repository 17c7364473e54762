"""``client.threads.runs``: a run is one response, or several if tools are called.

Rules of this file:

- ``client.responses`` does the work: its control sends the rounds, its dialect reads them.
- There is no run without a listener: the calls that do not stream read the stream to its end.
- Outputs are checked before they are sent: each waiting call needs exactly one, and no other
  call may have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from stream_core.api.assistants_params import (
    AssistantUpdateParams,
    IncludeParams,
    ListParams,
    MetadataParams,
    RunParams,
    RunStreamParams,
    StepListParams,
    SubmitStreamOptions,
)
from stream_core.api.options import CallOptions, StreamOptions
from stream_core.api.request import make_options
from stream_core.client.assistants import Runs, Steps
from stream_core.client.responses import ResponseStream, make_control
from stream_core.client.streaming_calls import StreamingCall

from .local_calls import make_page, read_arguments
from .parameter_table import Values, make_request, row_of, trimmed
from .run_state import RunDialect, Turn
from .tool_params import read_resources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from stream_core.api.pages import Page
    from stream_core.models import Run, RunStep

    from .memory import Memory
    from .thread_state import LocalThread

__all__ = ["LocalRuns", "LocalSteps"]


class LocalSteps(Steps):
    """Calls on the steps of a run: ``client.threads.runs.steps``."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory.transport)
        self._memory = memory

    def retrieve(
        self, step_id: str, *, thread_id: str, run_id: str, **params: Unpack[IncludeParams]
    ) -> RunStep:
        """Return a step as last seen in the stream of its run."""
        _refuse("step", read_arguments(IncludeParams, params))
        found = self._memory.thread(thread_id).turn(run_id)[0].dialect.steps.get(step_id)
        if found is None:
            raise ValueError(f"step_id is {step_id!r}: run {run_id} has no such step")
        return found

    def list(
        self, run_id: str, *, thread_id: str, **params: Unpack[StepListParams]
    ) -> Page[RunStep]:
        """Return a page of a run's steps."""
        _refuse("step", params)
        steps = self._memory.thread(thread_id).turn(run_id)[0].dialect.steps
        return make_page(steps, StepListParams, params)


class LocalRuns(Runs):
    """Calls on the runs of a thread: ``client.threads.runs``."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory.transport)
        self._memory = memory
        self.steps = LocalSteps(memory)

    # --- Runs that begin or go on -------------------------------------------------------

    def stream(
        self, thread_id: str, *, assistant_id: str, **params: Unpack[RunStreamParams]
    ) -> ResponseStream:
        """Ask for a response to the thread's messages and listen to it.

        The arguments are those of :meth:`stream_core.client.assistants.Runs.stream`;
        ``parameter_table`` shows what each becomes.

        Raises:
            StreamError: The request failed.
            TypeError: A handler is not one, or a parameter is unknown.
            ValueError: The assistant or thread is unknown, or a parameter is refused.
            RuntimeError: The thread's last run waits for outputs.
        """
        thread = self._memory.thread(thread_id)
        return self.begin(thread, assistant_id, RunStreamParams, params)

    def create(self, thread_id: str, *, assistant_id: str, **params: Unpack[RunParams]) -> Run:
        """Ask for a response, and wait until the run has ended or requires action."""
        thread = self._memory.thread(thread_id)
        return self.begin(thread, assistant_id, RunParams, params).get_final_run()

    def begin(
        self,
        thread: LocalThread,
        assistant_id: str,
        known: Any,
        given: Mapping[str, Any],
        *,
        is_new: bool = False,
    ) -> ResponseStream:
        """Start a run.

        Args:
            thread: The thread to run on.
            assistant_id: The assistant to run.
            known: The TypedDict of GIVEN.
            given: The caller's keyword arguments.
            is_new: Whether the same call made the thread.
        """
        read_arguments(known, given, may_add=True)
        profile = self._memory.profile(assistant_id)
        thread.check_free()
        written = [
            self._memory.write(thread.thread.id, one)
            for one in given.get("additional_messages") or ()
        ]
        items = [*thread.waiting.values(), *(one.item for one in written)]
        sent = [*thread.waiting, *(one.message.id for one in written)]
        values = _values(profile, thread, given, [x for one in written for x in one.code_files])
        earlier = trimmed(values.given.get("truncation_strategy"), thread.items, len(items))
        names = AssistantUpdateParams.__optional_keys__
        request = {
            **{name: value for name, value in given.items() if name in _OPTIONS},
            **make_request(values),
            "input": items,
            "extra_body": {
                **{name: value for name, value in profile.items() if name not in names},
                **(given.get("extra_body") or {}),
            },
        }
        if thread.conversation is not None:
            request["conversation"] = thread.conversation
        if thread.stateless:
            request["stateless"] = True
        dialect = RunDialect(thread.shown, assistant_id, is_new=is_new)
        call = StreamingCall.of(request)
        control = make_control(call, dialect, thread.earlier(earlier), one_limit=True)
        turn = Turn(dialect, control, items, sent)
        stream = call.listen(ResponseStream, self._transport, control, dialect)
        thread.begin(turn, written)
        return stream

    def submit_tool_outputs_stream(
        self,
        run_id: str,
        *,
        thread_id: str,
        tool_outputs: Sequence[Mapping[str, object]],
        **options: Unpack[SubmitStreamOptions],
    ) -> ResponseStream:
        """Give a run the outputs that it waits for, and listen to the rest of it.

        Args:
            run_id: The run.
            thread_id: Its thread.
            tool_outputs: ``{"tool_call_id": ..., "output": ...}`` for each call, and
                ``{"tool_call_id": ..., "approve": True}`` for each that asks for approval.
            options: ``event_handler``, ``handlers`` and others.

        Returns:
            The stream. Read it to its end, or close it.

        Raises:
            StreamError: The request failed; the run still waits.
            TypeError: A handler is not one, a parameter is unknown, or an output is not a
                string.
            ValueError: The run does not wait, a call has no output, or an output has no call.
        """
        turn, run = self._memory.thread(thread_id).turn(run_id)
        outputs, approvals = _checked(run, tool_outputs, waits=turn.waits)
        call = StreamingCall.of(options)
        begin = turn.control.submit(
            outputs,
            approvals,
            rounds=call.rounds,
            options=make_options("POST", SubmitStreamOptions, options, {}),
        )
        return call.listen(ResponseStream, self._transport, turn.control, turn.dialect, begin=begin)

    def submit_tool_outputs(
        self,
        run_id: str,
        *,
        thread_id: str,
        tool_outputs: Sequence[Mapping[str, object]],
        **options: Unpack[CallOptions],
    ) -> Run:
        """Give a run its outputs, and wait until it has ended or requires action again."""
        read_arguments(CallOptions, options, may_add=True)
        return self.submit_tool_outputs_stream(
            run_id, thread_id=thread_id, tool_outputs=tool_outputs, **options
        ).get_final_run()

    # --- Runs that are known ------------------------------------------------------------

    def retrieve(self, run_id: str, *, thread_id: str, **options: Unpack[CallOptions]) -> Run:
        """Return a run as last seen in its stream."""
        read_arguments(CallOptions, options)
        return self._memory.thread(thread_id).turn(run_id)[1]

    def update(self, run_id: str, *, thread_id: str, **params: Unpack[MetadataParams]) -> Run:
        """Refuse the change: a response cannot be changed.

        Raises:
            ValueError: There is something to change.
        """
        _refuse("update", read_arguments(MetadataParams, params))
        return self.retrieve(run_id, thread_id=thread_id)

    def list(self, thread_id: str, **params: Unpack[ListParams]) -> Page[Run]:
        """Return a page of a thread's runs that this client has seen."""
        turns = self._memory.thread(thread_id).turns
        runs = {turn.run.id: turn.run for turn in turns if turn.run is not None}
        return make_page(runs, ListParams, params)

    def cancel(self, run_id: str, *, thread_id: str, **options: Unpack[CallOptions]) -> Run:
        """Give up a run that waits for outputs, or cancel one in the background.

        Raises:
            ValueError: It has ended.
            RuntimeError: It lasts only as long as its stream; ``stream.cancel()`` ends it.
        """
        read_arguments(CallOptions, options)
        thread = self._memory.thread(thread_id)
        turn, run = thread.turn(run_id)
        if turn.waits:
            turn.dropped = True
            return thread.turn(run_id)[1]
        if turn.dialect.ended:
            raise ValueError(f"run {run_id} is {run.status}: it has ended and cannot be cancelled")
        if not self._driver.run(turn.control.cancel(run)):
            raise RuntimeError(
                f"run {run_id} lasts only as long as its connection: call cancel() or close() of "
                "its stream; only a run that began with extra_body={'background': True} can be "
                "cancelled here"
            )
        return evolve(run, status="cancelling")


#: Arguments for the stream or for each request, not for the run.
_OPTIONS = StreamOptions.__optional_keys__


def _values(
    profile: Mapping[str, Any],
    thread: LocalThread,
    given: Mapping[str, Any],
    code_files: Sequence[str],
) -> Values:
    """Return the values for the request of a run; CODE_FILES came with its own messages."""
    chosen = {name: value for name, value in given.items() if value is not None}
    kept = {name: value for name, value in profile.items() if row_of("run", name)}
    # The assistant's own metadata is not that of its runs.
    kept.pop("metadata", None)
    files = {"code_interpreter": {"file_ids": [*thread.code_files, *code_files]}}
    own = given.get("tool_resources") or profile.get("tool_resources")
    resources = read_resources(own, thread.thread.tool_resources, files)
    return Values({**kept, **chosen}, resources, thread.stateless)


def _checked(
    run: Run, given: Sequence[Mapping[str, Any]], *, waits: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return outputs and approvals, after checking that RUN waits for exactly these."""
    action = run.required_action
    if not waits or action is None:
        raise ValueError(
            f"run {run.id} does not wait for outputs: its status is {run.status}, or its stream "
            "has not been read to its end"
        )
    calls = action.submit_tool_outputs and action.submit_tool_outputs.tool_calls
    asks = action.submit_tool_approval and action.submit_tool_approval.tool_calls
    waiting = {
        **{one.id: "output" for one in calls or ()},
        **{one.id: "approve" for one in asks or ()},
    }
    missing = dict(waiting)
    found: dict[str, list[dict[str, Any]]] = {"output": [], "approve": []}
    for one in given:
        call_id: Any = one.get("tool_call_id")
        if call_id not in missing:
            why = "has two outputs" if call_id in waiting else "is not a waiting call"
            raise ValueError(f"tool_outputs: {call_id!r} {why}; these wait: {', '.join(waiting)}")
        key = missing.pop(call_id)
        kind, example = (str, "a string") if key == "output" else (bool, "True or False")
        if not isinstance(one.get(key), kind):
            raise TypeError(
                f"tool_outputs: {call_id!r} needs {key!r}, {example}, not {one.get(key)!r}"
            )
        found[key].append({"tool_call_id": call_id, key: one[key]})
    if missing:
        raise ValueError(
            f"tool_outputs: no output for {', '.join(missing)}; the Responses wire needs the "
            "outputs of all calls at once"
        )
    return found["output"], found["approve"]


def _refuse(call: str, given: Mapping[str, Any]) -> None:
    """Raise ValueError for a parameter that has no counterpart."""
    for name in given:
        row = row_of(call, name)
        if row is not None and row.refusal:
            raise ValueError(row.refusal)
