"""The arguments of calls that return a stream, unpacked once, and the stream made from them.

Rules of this file: arguments are checked before anything is sent; otherwise a run could start
with nobody listening.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from stream_core.models import Run
from stream_core.run_control.assistants import AssistantsControl
from stream_core.run_control.run_keys import put_key
from stream_core.sse import DEFAULT_MAX_FRAME_BYTES
from stream_core.streams.driver import Driver
from stream_core.streams.stream import Stream
from stream_core.tools.rounds import DEFAULT_MAX_ROUNDS, ToolRounds

from .resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_core.api.options import CallOptions
    from stream_core.dialects import Dialect
    from stream_core.dispatch import Handler
    from stream_core.effects import Flow
    from stream_core.http.transport import Transport
    from stream_core.streams.stream import Control, Source
    from stream_core.tools.tool_set import ToolSet

__all__ = ["StreamingCall", "StreamingResource", "call_options"]

S = TypeVar("S", bound=Stream)


def call_options(given: Mapping[str, Any]) -> CallOptions:
    """Return the options in GIVEN that go with every request; a body goes with the first only."""
    options: CallOptions = {}
    for name in ("extra_headers", "extra_query", "timeout"):
        if name in given:
            options[name] = given[name]
    return options


@frozen
class StreamingCall:
    """The arguments of a call that returns a stream.

    Attributes:
        handlers: The handlers, in order.
        rounds: Answers what the run requires; None if there are neither tools nor ``approve``.
        recover: Whether to ask what became of the run if the connection is lost.
        options: Options of every request.
        params: Parameters of the request; tools that are functions are replaced by their
            definitions.
        settings: Settings of the stream.
    """

    handlers: tuple[Handler, ...]
    rounds: ToolRounds | None
    recover: bool
    options: CallOptions
    params: Mapping[str, Any]
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> StreamingCall:
        """Unpack the caller's arguments.

        Raises:
            TypeError: An argument is not of the type that it should be.
            ValueError: A setting has a value that is not allowed.
        """
        first = given.get("event_handler")
        tools, params = _find_tools(given)
        return cls(
            handlers=(*(() if first is None else (first,)), *_several(given.get("handlers"))),
            rounds=_make_rounds(tools, given),
            recover=given.get("recover", True),
            options=call_options(given),
            params=params,
            settings={
                "max_frame_bytes": given.get("max_frame_bytes", DEFAULT_MAX_FRAME_BYTES),
                "cancel_on_interrupt": given.get("cancel_on_interrupt", False),
                **{name: given[name] for name in ("idle_timeout", "deadline") if name in given},
            },
        )

    def listen(
        self,
        kind: type[S],
        transport: Transport,
        control: Control,
        dialect: str | Dialect,
        begin: Flow[Source] | None = None,
    ) -> S:
        """Send the first request, and make the stream of its answer.

        Args:
            kind: The class of the stream.
            transport: Sends this request and the later ones of CONTROL.
            control: Acts on the run on the server, e.g. cancels or rejoins it.
            dialect: The wire, by name or as a dialect.
            begin: Sends the request instead of ``control.begin()``.

        Raises:
            StreamError: The request failed.
            TypeError: A handler is not one.
        """
        settings = {
            "idle_timeout": transport.idle_timeout,
            "deadline": transport.deadline,
            **self.settings,
            "dialect": dialect,
            "control": control,
            "transport": transport,
        }
        # This raises now the errors that would otherwise come after the run has started.
        kind((), *self.handlers, **settings)
        source = Driver(transport).run(control.begin() if begin is None else begin)
        return kind(source, *self.handlers, **settings)


class StreamingResource(Resource):
    """A resource with calls that return a stream."""

    def __init__(self, transport: Transport, *, run_keys: bool = False) -> None:
        super().__init__(transport)
        self._run_keys = run_keys

    def _create(
        self, path: str, known: Any, given: Any, *, thread_id: str | None = None, **required: Any
    ) -> Run:
        """Send a request whose answer is the run that it makes; the arguments are as below."""
        if not given.get("run_keys", self._run_keys):
            return self._ask(Run, "POST", path, known, given, **required)
        options = self._options("POST", known, given, required)
        control = AssistantsControl(
            path,
            options,
            thread_id=thread_id,
            key=put_key(options.setdefault("body", {})),
            options=call_options(given),
        )
        return self._driver.run(control.create())

    def _stream(
        self,
        path: str,
        known: Any,
        given: Any,
        *,
        thread_id: str | None = None,
        run_id: str | None = None,
        **required: Any,
    ) -> Stream:
        """Send a request whose answer is a stream.

        Args:
            path: The path after the base address.
            known: The TypedDict of GIVEN.
            given: The caller's keyword arguments.
            thread_id: The thread of the run, if it is known.
            run_id: The run, if the request does not make it.
            required: The parameters that the call itself names.
        """
        call = StreamingCall.of(given)
        options = self._options("POST", known, call.params, {**required, "stream": True})
        with_key = run_id is None and given.get("run_keys", self._run_keys)
        control = AssistantsControl(
            path,
            options,
            thread_id=thread_id,
            run_id=run_id,
            key=put_key(options.setdefault("body", {})) if with_key else None,
            answered=_call_ids(required.get("tool_outputs", ())),
            rounds=call.rounds,
            recover=call.recover,
            options=call.options,
        )
        return call.listen(Stream, self._transport, control, "assistants")


def _call_ids(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the calls whose outputs a streaming call submits."""
    return [one["tool_call_id"] for one in outputs if "tool_call_id" in one]


def _several(handlers: Any) -> Iterable[Handler]:
    """Return HANDLERS.

    Raises:
        TypeError: That is one handler, or nothing that could have any.
    """
    if handlers is None:
        return ()
    if hasattr(handlers, "handle") or not hasattr(handlers, "__iter__"):
        remedy = "pass a list of handlers, or one handler as event_handler="
        raise TypeError(f"handlers is {handlers!r}: {remedy}")
    found: Iterable[Handler] = handlers
    return found


def _find_tools(given: Mapping[str, Any]) -> tuple[ToolSet | None, Mapping[str, Any]]:
    """Find the tools that are functions.

    Args:
        given: The caller's keyword arguments.

    Returns:
        A set of these tools, or None if there are none; and the arguments with definitions in
        their place.

    Raises:
        TypeError: The tools are not a list.
    """
    tools = given.get("tools")
    if tools is None:
        return None, given
    from stream_core.tools.tool_set import ToolSet

    is_list = hasattr(tools, "__iter__") and not isinstance(tools, str | bytes | Mapping)
    if not is_list and not callable(tools):
        raise TypeError(f"tools is {tools!r}: pass a list of functions and definitions")
    items = [tools] if isinstance(tools, ToolSet) or callable(tools) else list(tools)
    runnable = [item for item in items if isinstance(item, ToolSet | tuple) or callable(item)]
    if not runnable:
        return None, given
    found = ToolSet(*runnable)
    plain = [item for item in items if item not in runnable]
    return found, {**given, "tools": [*plain, *found.definitions]}


def _make_rounds(tools: ToolSet | None, given: Mapping[str, Any]) -> ToolRounds | None:
    """Return the rounds that answer the run; None if there are neither tools nor ``approve``."""
    approve = given.get("approve")
    # It is made in any case: it checks the settings.
    rounds = ToolRounds(
        tools,
        tool_errors=given.get("tool_errors", "submit"),
        approve=approve,
        max_rounds=given.get("max_rounds", DEFAULT_MAX_ROUNDS),
        executor=given.get("executor"),
    )
    return None if tools is None and approve is None else rounds
