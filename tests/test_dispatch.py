"""Order, exceptions and the context of a dispatch."""

from __future__ import annotations

import gc
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import pytest

from stream_core.dispatch import Dispatcher, Plan, current_context
from stream_core.events import Done, Event, MessageTextDelta, StreamEnd, ThreadRunCreated, WireEvent
from stream_core.models import Message, Run, RunStep, Text, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


def text_delta(value: str = "a") -> MessageTextDelta:
    """Make a derived event."""
    return MessageTextDelta(TextDelta(value), Text(value), "msg_1", 0)


class Recorder:
    """A handler that is not an EventHandler: it logs its name and the event's."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    def handle(self, event: Event) -> None:
        self.log.append(f"{self.name} {event.event}")


class Raiser(Recorder):
    """A handler that raises a given exception."""

    def __init__(self, name: str, log: list[str], exception: BaseException) -> None:
        super().__init__(name, log)
        self.exception = exception

    def handle(self, event: Event) -> None:
        super().handle(event)
        raise self.exception


class Caller:
    """A handler that calls a function with each event."""

    def __init__(self, function: Callable[[Event], object]) -> None:
        self.function = function

    def handle(self, event: Event) -> None:
        self.function(event)


class Choosy(Recorder):
    """A handler that declares its callbacks beforehand."""

    looked_up: ClassVar[list[tuple[object, str]]] = []
    keyed = 0

    def wire(self, event: Event) -> None:
        self.log.append(f"{self.name} wire {event.event}")

    def done(self, event: Event) -> None:
        self.log.append(f"{self.name} done {event.event}")

    def callback_key(self) -> str:
        self.keyed += 1
        return "quiet" if self.name == "q" else "loud"

    @classmethod
    def callbacks_for(
        cls, key: str, event_class: type[Event], /
    ) -> tuple[Callable[[Any, Any], object], ...]:
        cls.looked_up.append((key, event_class.__name__))
        if key == "quiet" or not issubclass(event_class, WireEvent):
            return ()
        return (cls.wire, cls.done) if event_class is Done else (cls.wire,)


@attrs.define
class Context:
    """The context of a stream, as its handlers see it."""

    current_event: Event | None = None
    current_run: Run | None = None
    current_message_snapshot: Message | None = None
    current_run_step_snapshot: RunStep | None = None


def dispatcher(*handlers: Any, context: Context | None = None) -> Dispatcher:
    """Make a dispatcher with HANDLERS."""
    made = Dispatcher(context)
    made.register(*handlers)
    return made


# --- Registration and order ---------------------------------------------------------------


def test_every_handler_gets_every_event_in_registration_order() -> None:
    """All handlers get an event before any gets the next."""
    log: list[str] = []
    made = dispatcher(Recorder("a", log), Recorder("b", log))
    made.register(Recorder("c", log))
    made.dispatch(Done("[DONE]"))
    made.dispatch(StreamEnd())
    expected = ["a done", "b done", "c done", "a stream.end", "b stream.end", "c stream.end"]
    assert expected == log


def test_handlers_are_listed_in_order() -> None:
    """``handlers`` has the registered handlers."""
    first, second = Recorder("a", []), Recorder("b", [])
    made = Dispatcher()
    made.register(first, second)
    assert (first, second) == made.handlers


def test_without_handlers_an_event_goes_nowhere() -> None:
    """A dispatcher may be empty."""
    made = Dispatcher()
    made.dispatch(StreamEnd())
    assert () == made.plan[StreamEnd]


def test_a_handler_registered_by_a_callback_gets_events_from_the_next_one_on() -> None:
    """A registration during a dispatch does not change who gets that event."""
    log: list[str] = []
    late = Recorder("late", log)

    def register_late(event: Event) -> None:
        if late not in made.handlers:
            made.register(late)

    made = dispatcher(Caller(register_late), Recorder("early", log))
    made.dispatch(Done("[DONE]"))
    made.dispatch(StreamEnd())
    assert ["early done", "early stream.end", "late stream.end"] == log


def test_a_class_is_refused_with_the_instance_to_write() -> None:
    """Forgotten parentheses are a TypeError."""
    with pytest.raises(TypeError, match=r"Recorder is a class; .* Recorder\(\)"):
        dispatcher(Recorder)


@pytest.mark.parametrize("value", [object(), print, None])
def test_an_object_without_handle_is_refused(value: object) -> None:
    """An object that cannot handle events is a TypeError that says what is missing."""
    with pytest.raises(TypeError, match=r"no handle\(event\) method.*handlers\.EventHandler"):
        dispatcher(value)


def test_a_handle_that_is_no_function_is_refused() -> None:
    """``handle`` must be callable, not only there."""

    class Odd:
        handle = 5

    with pytest.raises(TypeError, match=r"no handle\(event\) method"):
        dispatcher(Odd())


def test_a_handle_that_does_nothing_when_it_is_called_is_refused() -> None:
    """Its coroutine would never be awaited, its generator never be read."""

    class Late:
        async def handle(self, event: Event) -> None:
            raise NotImplementedError

    class Lazy:
        def handle(self, event: Event) -> Iterator[Event]:
            yield event

    class Both:
        async def handle(self, event: Event) -> AsyncIterator[Event]:
            yield event

    with pytest.raises(TypeError, match=r"Late\.handle is an async function, so .* with def"):
        dispatcher(Late())
    with pytest.raises(TypeError, match=r"Lazy\.handle is a generator function, so .* with def"):
        dispatcher(Lazy())
    with pytest.raises(TypeError, match=r"Both\.handle is an async generator function, so "):
        dispatcher(Both())


def test_a_handler_lives_no_longer_than_who_registered_it() -> None:
    """What is known of its class does not keep it."""
    recorder = Recorder("a", [])
    alive = weakref.ref(recorder)
    dispatcher(recorder)
    del recorder
    gc.collect()
    assert alive() is None


def test_a_list_of_handlers_is_not_a_handler() -> None:
    """The error says how several are passed."""
    with pytest.raises(TypeError, match=r"is not a handler: .* one by one, or as handlers="):
        dispatcher([Recorder("a", [])])


def test_the_same_object_twice_is_refused() -> None:
    """Each event would be handled twice, which is more often a mistake than intended."""
    recorder = Recorder("a", [])
    made = dispatcher(recorder)
    with pytest.raises(ValueError, match="already registered"):
        made.register(recorder)
    with pytest.raises(ValueError, match="already registered"):
        dispatcher(recorder, recorder)


def test_equal_handlers_are_two_handlers() -> None:
    """Only the very same object counts as registered."""

    @attrs.define
    class Equal:
        log: list[str] = attrs.field(factory=list)

        def handle(self, event: Event) -> None:
            self.log.append(event.event)

    first, second = Equal(), Equal()
    assert first == second
    dispatcher(first, second).dispatch(StreamEnd())
    assert (["stream.end"], ["stream.end"]) == (first.log, second.log)


def test_one_bad_handler_keeps_out_the_others_of_the_call() -> None:
    """A registration is complete or has no effect."""
    made = Dispatcher()
    with pytest.raises(TypeError):
        made.register(Recorder("a", []), object())  # type: ignore[arg-type]  # what is tested
    assert () == made.handlers


# --- Plans --------------------------------------------------------------------------------


def a_choosy_class() -> type[Choosy]:
    """Make a class without a plan so far."""

    class Fresh(Choosy):
        looked_up: ClassVar[list[tuple[object, str]]] = []

    return Fresh


def test_what_a_class_names_is_called_in_order_instead_of_handle() -> None:
    """It gets the handler and the event; events without callbacks are not for it."""
    log: list[str] = []
    made = dispatcher(Choosy("c", log), Recorder("r", log))
    for event in (Done("[DONE]"), ThreadRunCreated(Run()), text_delta()):
        made.dispatch(event)
    assert [
        *("c wire done", "c done done", "r done"),
        *("c wire thread.run.created", "r thread.run.created"),
        "r message.text.delta",
    ] == log


def test_a_class_is_asked_once_for_each_event_class_and_all_streams() -> None:
    """Each handler is asked for its key, once per registration."""
    cls, log = a_choosy_class(), list[str]()
    first, second = cls("c", log), cls("c", log)
    for handler in (first, second, first):
        made = dispatcher(handler)
        for _ in range(2):
            made.dispatch(Done("[DONE]"))
            made.dispatch(StreamEnd())
    assert [("loud", "Done"), ("loud", "StreamEnd")] == cls.looked_up
    assert (2, 1) == (first.keyed, second.keyed)
    assert ["c wire done", "c done done"] * 6 == log


def test_handlers_of_one_class_with_other_keys_are_told_apart() -> None:
    """A key says what the class alone does not; each handler has its own calls."""
    cls, log = a_choosy_class(), list[str]()
    dispatcher(cls("q", log), cls("a", log), cls("b", log)).dispatch(ThreadRunCreated(Run()))
    assert ["a wire thread.run.created", "b wire thread.run.created"] == log
    dispatcher(cls("a", log), cls("q", log), cls("b", log)).dispatch(ThreadRunCreated(Run()))
    assert ["a wire thread.run.created", "b wire thread.run.created"] * 2 == log


def test_a_plan_is_found_row_by_row_and_kept() -> None:
    """Each call has the position of its handler; a row is the same at each lookup."""
    plan = Plan(((Choosy, "loud"), (Choosy, "quiet"), None))
    assert {} == plan
    row = plan[Done]
    assert row is plan[Done]
    assert [("wire", 0), ("done", 0), ("handle", 2)] == [
        (call.__name__, place) for call, place in row
    ]
    assert [2] == [place for _, place in plan[StreamEnd]]
    assert {Done, StreamEnd} == set(plan)


def test_streams_with_handlers_of_the_same_classes_share_a_plan() -> None:
    """Handlers of the same classes, in the same order, share one; a registration changes it."""
    cls = a_choosy_class()
    one, same = (dispatcher(cls("c", []), Recorder("r", [])) for _ in range(2))
    assert one.plan is same.plan
    assert one.plan is not dispatcher(Recorder("r", []), cls("c", [])).plan
    before = one.plan
    one.register(Recorder("s", []))
    assert before is not one.plan
    assert before is same.plan


def test_a_row_is_empty_where_nobody_wants_the_event() -> None:
    """Classes are believed, a handler without a plan gets all, a registration counts at once."""
    made = dispatcher(Choosy("c", []))
    assert made.plan[Done]
    assert made.plan[ThreadRunCreated]
    assert () == made.plan[MessageTextDelta]
    made.register(Recorder("r", []))
    assert 1 == len(made.plan[MessageTextDelta])


def test_an_object_that_forwards_attributes_keeps_its_own_handle() -> None:
    """A wrapper around a handler with a plan gets the events itself."""
    log: list[str] = []

    class Wrapper:
        inner = Choosy("inner", log)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def handle(self, event: Event) -> None:
            log.append(f"wrapper {event.event}")

    wrapper = Wrapper()
    assert "loud" == wrapper.callback_key()
    dispatcher(wrapper).dispatch(Done("[DONE]"))
    assert ["wrapper done"] == log


def test_a_handler_whose_key_fails_is_refused() -> None:
    """It gets the other arguments of the call; its exceptions leave unchanged."""

    class Wrong(Choosy):
        def callback_key(self) -> str:
            raise TypeError("Wrong.on_x is not a callback")

    made = Dispatcher()
    with pytest.raises(TypeError, match=r"Wrong\.on_x"):
        made.register(Choosy("c", []), Wrong("w", []))
    assert () == made.handlers
    assert () == made.plan[Done]


# --- Many events at once ------------------------------------------------------------------


def test_entering_sets_the_context_for_many_events() -> None:
    """The context stays set between them; leaving restores the one before."""
    context, seen = Context(), []
    made = dispatcher(Caller(lambda _: seen.append(current_context())), context=context)
    token = made.enter()
    try:
        for _ in range(2):
            made.dispatch(StreamEnd())
            seen.append(current_context())
    finally:
        made.leave(token)
    assert 4 == len(seen)
    assert all(one is context for one in seen)
    assert current_context() is None
    made.dispatch(StreamEnd())
    assert seen[4] is context
    assert current_context() is None


def test_inside_a_callback_an_entered_dispatch_is_right_too() -> None:
    """A handler whose callback reads another stream, which then calls the first one."""
    outer_context, inner_context = Context(), Context()
    seen: list[object] = []

    def nest(event: Event) -> None:
        seen.append(current_context())
        if event.event == "done":
            token = inner.enter()
            try:
                inner.dispatch(event)
            finally:
                inner.leave(token)
            seen.append(current_context())

    def tell_outer(event: Event) -> None:
        outer.dispatch(StreamEnd())
        seen.append(current_context())

    inner = dispatcher(Caller(tell_outer), context=inner_context)
    outer = dispatcher(Caller(nest), context=outer_context)
    token = outer.enter()
    outer.dispatch(Done("[DONE]"))
    outer.leave(token)
    expected = [outer_context, outer_context, inner_context, outer_context]
    assert all(x is y for x, y in zip(expected, seen, strict=True))
    assert current_context() is None


# --- Exceptions ---------------------------------------------------------------------------


def test_one_exception_leaves_as_it_is_after_the_others_had_the_event() -> None:
    """The object is the same; a note says who raised it, where, at which event."""
    log: list[str] = []
    failure = KeyError("mine")
    made = dispatcher(Recorder("a", log), Raiser("b", log, failure), Recorder("c", log))
    with pytest.raises(KeyError) as caught:
        made.dispatch(text_delta())
    assert failure is caught.value
    assert ["raised by Raiser.handle for event message.text.delta"] == failure.__notes__
    assert (None, None) == (failure.__context__, failure.__cause__)
    assert ["a message.text.delta", "b message.text.delta", "c message.text.delta"] == log


def test_several_exceptions_leave_as_a_group() -> None:
    """All are in it, in order, each with its note."""
    first, second = ValueError("first"), OSError("second")
    log: list[str] = []
    made = dispatcher(Raiser("a", log, first), Recorder("b", log), Raiser("c", log, second))
    with pytest.raises(ExceptionGroup, match="2 callbacks failed at event done") as caught:
        made.dispatch(Done("[DONE]"))
    assert (first, second) == caught.value.exceptions
    note = ["raised by Raiser.handle for event done"]
    assert (note, note) == (first.__notes__, second.__notes__)
    assert ["a done", "b done", "c done"] == log


def test_the_note_names_the_callback_that_was_called() -> None:
    """A callback that fails does not keep the event from the handler's others."""

    class Failing(Choosy):
        def wire(self, event: Event) -> None:
            raise LookupError(event.event)

    log: list[str] = []
    with pytest.raises(LookupError) as caught:
        dispatcher(Failing("f", log)).dispatch(Done("[DONE]"))
    assert ["raised by Failing.wire for event done"] == caught.value.__notes__
    assert ["f done done"] == log


def test_the_note_names_handle_whatever_it_is() -> None:
    """A callable object can be a method."""

    class Hook:
        def __call__(self, event: Event) -> None:
            raise LookupError

    class Hooked:
        handle = Hook()

    with pytest.raises(LookupError) as caught:
        dispatcher(Hooked()).dispatch(StreamEnd())
    assert ["raised by Hooked.handle for event stream.end"] == caught.value.__notes__


def test_the_note_of_a_callback_without_a_name_says_what_it_is() -> None:
    """A partial function has no ``__name__``; its class does."""

    def fail(why: str, handler: object, event: Event) -> None:
        raise LookupError(why)

    class Partial(Recorder):
        def callback_key(self) -> None:
            return None

        @classmethod
        def callbacks_for(cls, _key: None, _event_class: type[Event], /) -> tuple[Any, ...]:
            return (partial(fail, "mine"),)

    with pytest.raises(LookupError, match="mine") as caught:
        dispatcher(Partial("p", [])).dispatch(StreamEnd())
    assert ["raised by Partial.partial for event stream.end"] == caught.value.__notes__


def test_an_exception_out_of_an_inner_stream_collects_both_notes() -> None:
    """The note of the inner handler comes first, then that of the outer one."""
    inner = dispatcher(Raiser("inner", [], LookupError()))
    outer = dispatcher(Caller(lambda _: inner.dispatch(StreamEnd())))
    with pytest.raises(LookupError) as caught:
        outer.dispatch(Done("[DONE]"))
    expected = [
        "raised by Raiser.handle for event stream.end",
        "raised by Caller.handle for event done",
    ]
    assert expected == caught.value.__notes__


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_leaves_at_once(kind: type[BaseException]) -> None:
    """The handlers after it do not get the event, and nothing is noted."""
    log: list[str] = []
    made = dispatcher(Raiser("a", log, kind()), Recorder("b", log), context=Context())
    with pytest.raises(kind) as caught:
        made.dispatch(StreamEnd())
    assert ["a stream.end"] == log
    assert not hasattr(caught.value, "__notes__")
    assert not made.dispatching
    assert current_context() is None


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration, GeneratorExit])
def test_what_would_end_an_iteration_is_the_cause_of_an_error(kind: type[BaseException]) -> None:
    """Otherwise the caller's loop or generator would end as if the stream were over."""
    log: list[str] = []
    error = kind()
    made = dispatcher(Raiser("a", log, error), Recorder("b", log))
    with pytest.raises(RuntimeError, match=f"a callback raised {kind.__name__}") as caught:
        made.dispatch(StreamEnd())
    assert ["a stream.end", "b stream.end"] == log
    assert error is caught.value.__cause__
    assert ["raised by Raiser.handle for event stream.end"] == caught.value.__notes__


def test_an_interrupt_tells_of_the_failures_before_it() -> None:
    """Nothing is swallowed, though only one can be raised."""
    made = dispatcher(Raiser("a", [], ValueError("mine")), Raiser("b", [], KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt) as caught:
        made.dispatch(StreamEnd())
    assert ["before it, at the same event: ValueError('mine')"] == caught.value.__notes__


def test_an_exception_does_not_live_in_a_cycle() -> None:
    """It is freed with its last reference, and so is all that its traceback holds."""

    class Failure(Exception):  # noqa: N818  # short, and not for anybody else
        pass

    def fail(event: Event) -> None:
        raise Failure

    made = dispatcher(Caller(fail))
    freed: list[str] = []
    gc.disable()
    try:
        try:
            made.dispatch(StreamEnd())
        except Failure as failure:
            weakref.finalize(failure, freed.append, "failure")
        assert ["failure"] == freed
    finally:
        gc.enable()


# --- Inside a callback --------------------------------------------------------------------


def test_dispatching_is_true_inside_callbacks_only() -> None:
    """The context is reset even if a callback raises, and if it dispatches again."""
    seen: list[bool] = []

    def look(event: Event) -> None:
        seen.append(made.dispatching)
        if event.event == "done":
            made.dispatch(StreamEnd())
            seen.append(made.dispatching)
            raise LookupError

    made = dispatcher(Caller(look))
    assert not made.dispatching
    with pytest.raises(LookupError):
        made.dispatch(Done("[DONE]"))
    assert [True, True, True] == seen
    assert not made.dispatching


def test_the_context_is_that_of_the_innermost_stream() -> None:
    """After a callback has read another stream, it has its own context back."""
    seen: list[object] = []
    outer_context, inner_context = Context(), Context()

    def look(event: Event) -> None:
        seen.append(current_context())

    def nest(event: Event) -> None:
        look(event)
        inner.dispatch(event)
        nameless.dispatch(event)
        look(event)

    inner = dispatcher(Caller(look), context=inner_context)
    nameless = dispatcher(Caller(look))
    dispatcher(Caller(nest), Caller(look), context=outer_context).dispatch(StreamEnd())
    expected = [outer_context, inner_context, None, outer_context, outer_context]
    assert all(x is y for x, y in zip(expected, seen, strict=True))
    assert current_context() is None


def test_the_context_is_back_after_an_inner_failure() -> None:
    """An exception of an inner stream's handler leaves the outer one's context in place."""
    seen: list[object] = []
    context = Context()
    inner = dispatcher(Raiser("inner", [], LookupError()), context=Context())

    def nest(event: Event) -> None:
        with pytest.raises(LookupError):
            inner.dispatch(event)
        seen.append(current_context())

    dispatcher(Caller(nest), context=context).dispatch(StreamEnd())
    assert 1 == len(seen)
    assert seen[0] is context


def test_threads_have_contexts_of_their_own() -> None:
    """Streams in two threads do not see each other, and a thread started inside sees none."""
    seen: dict[str, object] = {}
    both_inside = threading.Barrier(2, timeout=10)

    class Looker(Recorder):
        def handle(self, event: Event) -> None:
            both_inside.wait()
            seen[self.name] = current_context()
            started = threading.Thread(target=self.look_from_inside)
            started.start()
            started.join()

        def look_from_inside(self) -> None:
            seen[f"from {self.name}"] = current_context()

    contexts = {"a": Context(), "b": Context()}
    streams = [dispatcher(Looker(name, []), context=x) for name, x in contexts.items()]
    threads = [threading.Thread(target=x.dispatch, args=(StreamEnd(),)) for x in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen["a"] is contexts["a"]
    assert seen["b"] is contexts["b"]
    assert (None, None) == (seen["from a"], seen["from b"])
