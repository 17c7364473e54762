"""CallbackHandler: turns events into calls by a class's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from handlers import Route, TextAccumulatorMixin
from handlers.machinery import CallbackHandler
from stream_core import Stream, events, models
from stream_core.dispatch import Dispatcher
from stream_core.events import Done, Event, StreamEnd, ThreadRunCreated, ThreadRunFailed, WireEvent
from tests.support.frames import DONE, dispatch, run, sse, text_delta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUN = models.Run("run_1", status="queued")

WIRE = Route("on_wire", event="")


def is_failed(event: WireEvent[models.Run]) -> bool:
    """Return whether the run of an event has failed."""
    return event.data.status == "failed"


class Kind(CallbackHandler):
    """A kind of handler of its own; it writes down what its callbacks get.

    ``on_wire`` has an empty method, the others have none.
    """

    routes: ClassVar[Mapping[type[Event], Sequence[Route]]] = {
        WireEvent: (WIRE,),
        ThreadRunCreated: (
            WIRE,
            Route("on_run", name="event", run="data"),
            Route("on_failure", is_failed, run="data"),
        ),
        StreamEnd: (Route("on_over"),),
    }

    def on_wire(self, event: WireEvent[Any]) -> None:
        """Every event of the wire."""


class Noting(Kind):
    """Notes every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def on_wire(self, event: WireEvent[Any]) -> None:
        self.calls.append(("wire", event.event))

    def on_run(self, name: str, run: models.Run) -> None:
        self.calls.append(("run", name, run.id))

    def on_failure(self, run: models.Run) -> None:
        self.calls.append(("failure", run.id))

    def on_over(self) -> None:
        self.calls.append(("over",))


def test_an_event_calls_its_row_in_order() -> None:
    """One event may have several callbacks, each with its own arguments, some conditional."""
    handler = Noting()
    dispatch(handler, ThreadRunCreated(RUN), StreamEnd())
    assert [("wire", "thread.run.created"), ("run", "thread.run.created", "run_1"), ("over",)] == (
        handler.calls
    )
    dispatch(handler, ThreadRunCreated(models.Run("run_2", status="failed")))
    assert ("failure", "run_2") == handler.calls[-1]


def test_an_event_without_a_row_goes_by_its_base_class() -> None:
    """A handler whose bases have no table calls nothing."""
    handler = Noting()
    dispatch(handler, Done("[DONE]"), events.StreamTimeout())
    assert [("wire", "done")] == handler.calls


def test_handle_calls_the_same() -> None:
    """``handle`` is for code that calls a handler without a dispatcher."""
    by_table, by_hand = Noting(), Noting()
    sent = (ThreadRunCreated(RUN), ThreadRunFailed(RUN), StreamEnd())
    dispatch(by_table, *sent)
    for event in sent:
        by_hand.handle(event)
    assert by_table.calls == by_hand.calls


def test_a_callback_without_a_method_is_called_only_where_a_class_has_one() -> None:
    """An empty one that is not overridden is never called: nobody wants the event."""

    class Over(Kind):
        def on_over(self) -> None: ...

    dispatcher = Dispatcher()
    dispatcher.register(Over())
    assert dispatcher.plan[StreamEnd]
    assert () == dispatcher.plan[ThreadRunCreated]


def test_the_callbacks_of_a_kind_are_checked_by_its_own_table() -> None:
    """Names and arguments are those of the table, in classes and in instances."""
    with pytest.raises(TypeError, match="on_ovre is not a callback; did you mean on_over"):
        type("Mine", (Kind,), {"on_ovre": lambda self: None})
    with pytest.raises(TypeError, match=r"called as on_run\(name, run\)"):
        type("Mine", (Kind,), {"on_run": lambda self, run: None})
    handler = Kind()
    vars(handler)["on_over"] = lambda: out.append("over")
    out: list[str] = []
    dispatch(handler, StreamEnd())
    assert ["over"] == out
    vars(handler)["on_ovre"] = print
    with pytest.raises(TypeError, match="on_ovre"):
        Dispatcher().register(handler)


def test_an_overridden_handle_gets_every_event_and_nothing_else_is_called() -> None:
    """They see events of classes without a row, too."""
    out: list[str] = []

    class All(Noting):
        def handle(self, event: Event, /) -> None:
            out.append(event.event)

    handler = All()
    dispatch(handler, ThreadRunCreated(RUN), events.StreamTimeout())
    assert (["thread.run.created", "stream.timeout"], []) == (out, handler.calls)


def test_mixins_observe_any_kind_of_handler() -> None:
    """They come before its callbacks, in whatever order of bases."""

    class Mine(TextAccumulatorMixin, Noting):
        def on_over(self) -> None:
            self.calls.append((self.text,))

    handler = Mine()
    data = sse(run("created"), text_delta("Ah"), text_delta("oy"), run("completed"), DONE)
    Stream([data], handler).until_done()
    assert ("Ahoy",) == handler.calls[-1]


def test_a_handler_knows_the_stream_inside_its_callbacks_only() -> None:
    """They can read event, run, message and step; outside callbacks there is none."""
    seen: list[object] = []

    class Asking(Kind):
        def on_wire(self, event: WireEvent[Any]) -> None:
            seen.append((self.current_event, self.current_run is None))
            seen.append((self.current_message_snapshot, self.current_run_step_snapshot))

    handler = Asking()
    stream = Stream([sse(run("created"), run("completed"), DONE)], handler)
    stream.next()
    assert [(stream.event, False), (None, None)] == seen
    stream.close()
    assert handler.current_event is None
    assert handler.current_run is None
    assert handler.current_message_snapshot is None
    assert handler.current_run_step_snapshot is None
