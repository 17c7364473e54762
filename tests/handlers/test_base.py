"""EventHandler: which callbacks run, in which order, and the state that they can read."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, cast
from unittest import mock

import attrs
import openai
import pytest

from handlers import ROUTES, EventHandler
from stream_core import events, models
from stream_core.dispatch import Dispatcher
from stream_core.events import (
    Done,
    Event,
    LocalEvent,
    MessageTextDelta,
    StreamEnd,
    ThreadMessageDelta,
    ThreadRunCreated,
    UnknownEvent,
    WireEvent,
)
from stream_core.models import Text, TextDelta
from tests.support.frames import dispatch

if TYPE_CHECKING:
    from collections.abc import Mapping


def text_delta(value: str = "a") -> MessageTextDelta:
    """Make a derived event."""
    return MessageTextDelta(TextDelta(value), Text(value), "msg_1", 0)


def message_delta() -> ThreadMessageDelta:
    """Make a wire event whose callback has two arguments."""
    return ThreadMessageDelta(models.MessageDeltaEvent("msg_1"), snapshot=models.Message("msg_1"))


def sample(event_class: Any) -> Event:
    """Make an event of any class."""
    if event_class is ThreadMessageDelta:
        return message_delta()
    if event_class is events.ThreadRunStepDelta:
        return events.ThreadRunStepDelta(models.RunStepDeltaEvent(), snapshot=models.RunStep())
    if event_class in (events.ReasoningDelta, events.ReasoningSummaryDelta):
        event = event_class(models.ReasoningTextDelta("a"))
    elif event_class in (events.ReasoningDone, events.ReasoningSummaryDone):
        event = event_class(models.ReasoningText("a"))
    else:
        fields = [field for field in attrs.fields(event_class) if field.default is attrs.NOTHING]
        event = event_class(**{field.name: f"the {field.name}" for field in fields})
    assert isinstance(event, Event)
    return event


class Logging(EventHandler):
    """Overrides every callback, to log its name and arguments."""

    def __init__(self) -> None:
        self.log: list[tuple[str, tuple[Any, ...]]] = []


def _logging(name: str) -> Any:
    def callback(self: Logging, *arguments: Any) -> None:
        self.log.append((name, arguments))

    return callback


for _name in [name for name in vars(EventHandler) if name.startswith("on_")]:
    setattr(Logging, _name, _logging(_name))


# --- Which callbacks run ------------------------------------------------------------------


@pytest.mark.parametrize("event_class", ROUTES, ids=lambda x: x.__name__)
def test_an_event_calls_on_event_if_it_is_from_the_wire_and_then_its_own_callback(
    event_class: type[Event],
) -> None:
    """They do so through a dispatcher and through ``handle`` alike."""
    event, direct, dispatched = sample(event_class), Logging(), Logging()
    direct.handle(event)
    dispatch(dispatched, event)
    first = ["on_event"] if isinstance(event, WireEvent) else []
    assert [*first, ROUTES[event_class].callback] == [name for name, _ in direct.log]
    assert direct.log == dispatched.log
    if first:
        assert direct.log[0][1][0] is event


@pytest.mark.parametrize("event_class", ROUTES, ids=lambda x: x.__name__)
def test_empty_callbacks_accept_their_events(event_class: type[Event]) -> None:
    """A subclass may call ``super()``'s callback, and nothing comes of it."""

    class Caller(EventHandler):
        def handle(self, event: Event, /) -> None:
            route = ROUTES[event.__class__]
            self.result = route.call(super(), event)

    caller = Caller()
    dispatch(caller, sample(event_class))
    assert caller.result is None


def test_arguments_are_those_of_the_event() -> None:
    """A delta callback gets the change, and the live snapshot."""
    handler, event, derived = Logging(), message_delta(), text_delta()
    dispatch(handler, event, derived)
    (_, ((_, on_message), (_, on_text))) = handler.log[0], handler.log[1:]
    assert on_message[0] is event.data.delta
    assert on_message[1] is event.snapshot
    assert on_text[0] is derived.delta
    assert on_text[1] is derived.snapshot


def test_an_event_of_a_class_of_somebody_else_goes_by_its_base_class() -> None:
    """A dialect's own subclass of UnknownEvent is an unknown event."""

    class Extension(UnknownEvent):
        pass

    handler, event = Logging(), Extension("text", event="x.y")
    handler.handle(event)
    dispatch(handler, event)
    assert [("on_event", (event,)), ("on_unknown_event", (event,))] * 2 == handler.log

    class OnlyEvents(EventHandler):
        seen: Event | None = None

        def on_event(self, event: WireEvent[Any]) -> None:
            self.seen = event

    only = OnlyEvents()
    dispatch(only, event)
    assert only.seen is event


def test_a_local_event_without_a_row_calls_nothing() -> None:
    """An event that is new to this version has no callback of its own."""

    @attrs.define(eq=False, repr=False)
    class News(LocalEvent):
        event = "stream.news"

    handler = Logging()
    handler.handle(News())
    dispatch(handler, News())
    assert [] == handler.log


def test_callbacks_that_are_left_alone_are_never_called() -> None:
    """A handler is not called for an event that it has no callback for."""

    class OnlyText(EventHandler):
        def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None: ...

    dispatcher = Dispatcher()
    dispatcher.register(EventHandler(), OnlyText())
    wanted = {event_class for event_class in ROUTES if dispatcher.plan[event_class]}
    assert {MessageTextDelta} == wanted


def test_on_event_makes_a_handler_want_the_wire_and_nothing_else() -> None:
    """Derived and local events do not come to it."""

    class Everything(EventHandler):
        def on_event(self, event: WireEvent[Any]) -> None: ...

    dispatcher = Dispatcher()
    dispatcher.register(Everything())
    wanted = {event_class for event_class in ROUTES if dispatcher.plan[event_class]}
    assert {x for x in ROUTES if issubclass(x, WireEvent)} == wanted


def test_an_inherited_callback_counts() -> None:
    """A callback may come from a handler class, or from a class beside it."""

    class Base(EventHandler):
        log: ClassVar[list[str]] = []

        def on_done(self) -> None:
            self.log.append("done")

    class Beside:
        def on_end(self) -> None:
            Base.log.append("end")

    class Handler(Beside, Base):
        pass

    dispatch(Handler(), Done("[DONE]"), StreamEnd())
    assert ["done", "end"] == Base.log


def test_a_class_callback_that_is_replaced_later_counts() -> None:
    """Tests can patch one."""
    with mock.patch.object(Logging, "on_done") as patched:
        dispatch(Logging(), Done("[DONE]"))
    patched.assert_called_once_with()


def test_static_and_class_methods_can_be_callbacks() -> None:
    """They get only the arguments."""
    log: list[object] = []

    def on_end(cls: type) -> None:
        log.append(cls)

    members = {"on_run_created": staticmethod(log.append), "on_end": classmethod(on_end)}
    handler = type("Handler", (EventHandler,), members)
    run = models.Run("run_1")
    dispatch(handler(), ThreadRunCreated(run), StreamEnd())
    assert [run, handler] == log


# --- Callbacks of an instance ---------------------------------------------------------------


def test_a_callback_assigned_before_the_registration_is_called() -> None:
    """A dispatcher and ``handle`` call it with only the arguments."""
    log: list[tuple[str, str]] = []
    handler: Any = EventHandler()
    handler.on_text_delta = lambda delta, snapshot: log.append((delta.value, snapshot.value))
    handler.handle(text_delta("direct"))
    dispatch(handler, text_delta("dispatched"))
    assert [("direct", "direct"), ("dispatched", "dispatched")] == log


def test_a_callback_assigned_after_the_registration_is_for_later_streams() -> None:
    """It is called even for events that the first stream has not had yet."""
    log: list[str] = []
    handler: Any = EventHandler()
    first = Dispatcher()
    first.register(handler)
    handler.on_done = lambda: log.append("done")
    first.dispatch(Done("[DONE]"))
    assert [] == log
    dispatch(handler, Done("[DONE]"))
    assert ["done"] == log


def test_a_callback_assigned_after_the_registration_replaces_one_that_was_there() -> None:
    """The class's own callback is back once one assigned before is removed."""
    log: list[str] = []
    handler: Any = Logging()
    handler.on_end = lambda: log.append("assigned before")
    dispatcher = Dispatcher()
    dispatcher.register(handler)
    handler.on_end = lambda: log.append("assigned after")
    handler.on_timeout = lambda: log.append("instead of the class's")
    dispatcher.dispatch(StreamEnd())
    dispatcher.dispatch(events.StreamTimeout())
    del handler.on_end
    dispatcher.dispatch(StreamEnd())
    assert ["assigned after", "instead of the class's"] == log
    assert [("on_end", ())] == handler.log


def test_a_callback_assigned_to_one_instance_is_not_the_others() -> None:
    """The calls of a class are cached, but do not include the instance's."""
    log: list[str] = []

    class Plain(EventHandler):
        pass

    def assigned(name: str) -> Plain:
        handler: Any = Plain()
        handler.on_end = lambda: log.append(name)
        return cast("Plain", handler)

    dispatcher = Dispatcher()
    dispatcher.register(Plain(), assigned("first"), Plain(), assigned("second"))
    dispatcher.dispatch(StreamEnd())
    dispatch(Plain(), StreamEnd())
    assert ["first", "second"] == log


# --- An overridden handle -------------------------------------------------------------------


def test_an_overridden_handle_gets_every_event() -> None:
    """Its ``super().handle(event)`` calls the callbacks."""

    class Verbose(Logging):
        def handle(self, event: Event, /) -> None:
            self.log.append(("before", (event.event,)))
            super().handle(event)

    handler = Verbose()
    dispatch(handler, text_delta(), StreamEnd())
    expected = ["before", "on_text_delta", "before", "on_end"]
    assert expected == [name for name, _ in handler.log]


def test_an_overridden_handle_may_keep_events_to_itself() -> None:
    """Without ``super()`` no callback runs."""

    class Filter(Logging):
        def handle(self, event: Event, /) -> None:
            if not isinstance(event, StreamEnd):
                super().handle(event)

    handler = Filter()
    dispatch(handler, StreamEnd(), Done("[DONE]"))
    assert ["on_event", "on_done"] == [name for name, _ in handler.log]


def test_a_handle_assigned_to_an_instance_gets_every_event() -> None:
    """It works like one that is overridden in the class."""
    seen: list[str] = []
    handler: Any = EventHandler()
    handler.handle = lambda event: seen.append(event.event)
    dispatch(handler, text_delta(), StreamEnd())
    assert ["message.text.delta", "stream.end"] == seen


# --- Observers ------------------------------------------------------------------------------


class Counting:
    """A mixin that sees all wire events, and text deltas a second time."""

    observes: ClassVar[Mapping[type[Event], str]] = {WireEvent: "_count", MessageTextDelta: "_look"}
    log: list[str]

    def _count(self, event: Event) -> None:
        self.log.append(f"count {event.event}")

    def _look(self, event: Event) -> None:
        self.log.append(f"look {event.event}")


class Watching:
    """A mixin that sees every event."""

    observes: ClassVar[Mapping[type[Event], str]] = {Event: "_watch"}
    log: list[str]

    def _watch(self, event: Event) -> None:
        self.log.append(f"watch {event.event}")


class Own(EventHandler):
    """Overrides callbacks without calling ``super()``."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def on_event(self, event: WireEvent[Any]) -> None:
        self.log.append("on_event")

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        self.log.append("on_text_delta")


@pytest.mark.parametrize(
    ("bases", "first"),
    [((Counting, Watching, Own), "watch"), ((Own, Watching, Counting), "count")],
)
def test_observers_come_before_callbacks_whatever_the_order_of_bases(
    bases: tuple[type, ...], first: str
) -> None:
    """The last base's come first; an observer of a class sees events of derived classes."""
    mixed: Any = type("Mixed", bases, {})
    dispatched, direct = mixed(), mixed()
    all_events = [Done("[DONE]"), text_delta(), StreamEnd()]
    dispatch(dispatched, *all_events)
    for event in all_events:
        direct.handle(event)
    both = ["count done", "watch done"]
    text = ["look message.text.delta", "watch message.text.delta"]
    expected = [
        *(both if first == "count" else reversed(both)),
        "on_event",
        *(text if first == "count" else reversed(text)),
        "on_text_delta",
        "watch stream.end",
    ]
    assert expected == dispatched.log
    assert expected == direct.log


def test_a_class_s_own_observers_add_to_those_of_its_bases() -> None:
    """One table does not hide another."""

    class Both(Counting, Own):
        observes: ClassVar[Mapping[type[Event], str]] = {StreamEnd: "_end"}

        def _end(self, event: StreamEnd) -> None:
            self.log.append("end")

    handler = Both()
    dispatch(handler, Done("[DONE]"), StreamEnd())
    assert ["count done", "on_event", "end"] == handler.log


# --- Exceptions -----------------------------------------------------------------------------


def test_a_note_names_the_callback_that_raised() -> None:
    """The handler's other callbacks and the other handlers still get the event."""

    class Failing(Logging):
        def on_event(self, event: WireEvent[Any]) -> None:
            raise LookupError("on_event")

        def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
            raise LookupError("on_text_delta")

    failing, other, dispatcher = Failing(), Logging(), Dispatcher()
    dispatcher.register(failing, other)
    with pytest.raises(LookupError) as caught:
        dispatcher.dispatch(Done("[DONE]"))
    assert ["raised by Failing.on_event for event done"] == caught.value.__notes__
    with pytest.raises(LookupError) as caught:
        dispatcher.dispatch(text_delta())
    expected = ["raised by Failing.on_text_delta for event message.text.delta"]
    assert expected == caught.value.__notes__
    assert ["on_done"] == [name for name, _ in failing.log]
    assert ["on_event", "on_done", "on_text_delta"] == [name for name, _ in other.log]


# --- The state that callbacks can read ------------------------------------------------------


@attrs.define
class Context:
    """The context of a stream, as its handlers see it."""

    current_event: Event | None = None
    current_run: models.Run | None = None
    current_message_snapshot: models.Message | None = None
    current_run_step_snapshot: models.RunStep | None = None


def asked(handler: EventHandler) -> tuple[object, ...]:
    """Read all state that HANDLER offers."""
    return (
        handler.current_event,
        handler.current_run,
        handler.current_message_snapshot,
        handler.current_run_step_snapshot,
    )


def test_inside_a_callback_a_handler_knows_the_stream_and_outside_nothing() -> None:
    """It is the stream whose event is being handled; the handler holds none."""
    end = StreamEnd()
    inner_context = Context(None, models.Run("run_2"))
    context = Context(end, models.Run("run_1"), models.Message("msg_1"), models.RunStep("step_1"))
    answers: list[tuple[object, ...]] = []

    class Asking(EventHandler):
        inner: Dispatcher | None = None

        def on_end(self) -> None:
            answers.append(asked(self))
            if self.inner is not None:
                inner, self.inner = self.inner, None
                inner.dispatch(end)
                answers.append(asked(self))

    handler = Asking()
    outer, handler.inner = Dispatcher(context), Dispatcher(inner_context)
    outer.register(handler)
    handler.inner.register(handler)
    assert (None,) * 4 == asked(handler)
    outer.dispatch(end)
    assert (None,) * 4 == asked(handler)
    expected = (end, models.Run("run_1"), models.Message("msg_1"), models.RunStep("step_1"))
    inner = (None, models.Run("run_2"), None, None)
    assert [expected, inner, expected] == answers


# --- Instances ------------------------------------------------------------------------------


def test_a_handler_needs_no_init_and_keeps_nothing() -> None:
    """It can be copied, and serves one stream after the other."""

    class Careless(EventHandler):
        def __init__(self) -> None:  # without super().__init__()
            self.count = 0

        def on_done(self) -> None:
            self.count += 1

    handler = Careless()
    for _ in range(3):
        dispatch(handler, Done("[DONE]"))
    assert {"count": 3} == vars(handler)
    assert 3 == copy.deepcopy(handler).count


def test_attrs_classes_can_be_handlers() -> None:
    """This holds with slots too, for which attrs makes the class a second time."""

    @attrs.define
    class Collected(EventHandler):
        pieces: list[str] = attrs.field(factory=list)

        def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
            self.pieces.append(delta.value or "")

    handler = Collected()
    dispatch(handler, text_delta("a"), text_delta("b"))
    assert ["a", "b"] == handler.pieces


# --- Porting --------------------------------------------------------------------------------


def ported(base: Any) -> Any:
    """Define a handler as openai-python's documentation teaches it, on the given base class."""

    class Assistant(base):  # type: ignore[misc]  # whichever base it is
        def __init__(self) -> None:
            super().__init__()
            self.out: list[str] = []

        def on_event(self, event: Any) -> None:
            if event.event == "thread.run.requires_action":
                calls = event.data.required_action.submit_tool_outputs.tool_calls
                run_id = self.current_run.id
                self.out += [f"[{run_id} wants {call.function.name}]" for call in calls]

        def on_text_created(self, text: Any) -> None:
            self.out.append("assistant > ")

        def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            self.out.append(delta.value)

        def on_text_done(self, text: Any) -> None:
            self.out.append(f" ({len(text.value)})")

        def on_tool_call_created(self, tool_call: Any) -> None:
            self.out.append(f"assistant > {tool_call.type}: ")

        def on_tool_call_delta(self, delta: Any, snapshot: Any) -> None:
            if delta.type == "code_interpreter":
                self.out.append(delta.code_interpreter.input)

    return Assistant


def test_a_class_written_for_openai_python_needs_only_its_import_changed() -> None:
    """The same class body is a handler on either base; here it runs on ours."""
    assert issubclass(ported(openai.AssistantEventHandler), openai.AssistantEventHandler)
    function = models.Function("get_time", "{}")
    call = models.RequiredActionFunctionToolCall("call_1", function=function)
    action = models.RequiredAction("", models.SubmitToolOutputs([call]))
    run = models.Run("run_1", required_action=action)
    code = models.CodeInterpreterToolCall("call_0")
    code_delta = models.CodeInterpreterToolCallDelta(
        0, code_interpreter=models.CodeInterpreterDelta("1+1")
    )
    handler = ported(EventHandler)()
    dispatcher = Dispatcher(Context(current_run=run))
    dispatcher.register(handler)
    for event in [
        events.RunStepToolCallCreated(code),
        events.RunStepToolCallDelta(code_delta, code),
        events.MessageTextCreated(Text("Two")),
        text_delta("Two"),
        events.MessageTextDone(Text("Two")),
        events.ThreadRunRequiresAction(run),
        StreamEnd(),
    ]:
        dispatcher.dispatch(event)
    expected = "assistant > code_interpreter: 1+1assistant > Two (3)[run_1 wants get_time]"
    assert expected == "".join(handler.out)
