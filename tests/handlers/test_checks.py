"""Handler classes that could not work are refused when they are defined."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import Mock

import pytest

from handlers import AgentEventHandler, EventHandler
from stream_core.dispatch import Dispatcher
from stream_core.events import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def define(*bases: type, **members: Any) -> type:
    """Define ``class Mine`` with BASES, or EventHandler, and MEMBERS."""
    return type("Mine", bases or (EventHandler,), members)


# --- Names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on_text_dleta", "on_text_delta"),
        ("on_requires_action", "on_run_requires_action"),
        ("on_messageCreated", "on_message_created"),
        ("on_toolcall_done", "on_tool_call_done"),
        ("on_thread_run_created", "on_run_created"),
        ("on_thread_message_delta", "on_message_delta"),
    ],
)
def test_a_misspelt_callback_is_refused_with_the_name_meant(written: str, meant: str) -> None:
    """It would never be called."""
    with pytest.raises(
        TypeError, match=rf"Mine\.{written} is not a callback; did you mean {meant}"
    ):
        define(**{written: lambda self: None})


def test_a_name_like_no_other_is_refused_with_a_pointer_to_all() -> None:
    """If there is no similar name, the error refers to the table."""
    with pytest.raises(TypeError, match=r"Mine\.on_xyz is not a callback; handlers\.ROUTES lists"):
        define(on_xyz=1)


def test_names_that_do_not_start_with_on_are_the_users_own() -> None:
    """A handler is an ordinary class."""
    define(only=1, once=2, _on_x=3, handle_text=print, on=4)


def test_a_mixin_s_misspelt_callback_is_refused_by_the_class_that_mixes_it_in() -> None:
    """Classes beside EventHandler in the bases are checked too."""

    class Mixin:
        def on_txt_delta(self, delta: object, snapshot: object) -> None: ...

    for bases in ((Mixin, EventHandler), (EventHandler, Mixin)):
        with pytest.raises(TypeError, match=r"Mixin\.on_txt_delta .* on_text_delta"):
            define(*bases)


@pytest.mark.parametrize("extra", [{"on_click"}, ("on_click", "on_key"), {"on_click": 1}])
def test_extra_callbacks_are_declared(extra: Iterable[str]) -> None:
    """A class that adds other callbacks declares them, and its subclasses inherit that."""

    class Widget:
        def on_click(self) -> None: ...

    base = define(Widget, EventHandler, extra_callbacks=extra)
    further = define(base, on_click=lambda self: None, extra_callbacks={"on_other"})
    define(further, on_click=lambda self: None, on_other=print)
    with pytest.raises(TypeError, match="on_clack"):
        define(further, on_clack=lambda self: None)


def test_a_callback_hidden_behind_event_handler_is_refused() -> None:
    """EventHandler first in the bases would leave its own empty callback in force."""

    class Printer:
        def on_done(self) -> None: ...

    define(Printer, EventHandler)
    with pytest.raises(TypeError, match=r"Printer\.on_done is hidden .* put Printer before Event"):
        define(EventHandler, Printer)


def test_handlers_derive_from_handlers_as_classes_do() -> None:
    """Two handler classes as bases are allowed by the check."""
    first = define(on_done=lambda self: None)
    second = define(on_end=lambda self: None)
    define(first, second, on_done=lambda self: None)


def test_two_kinds_of_handlers_are_not_one() -> None:
    """They call the same names with different arguments; a subclass of one kind is not another."""
    for bases in ((AgentEventHandler, EventHandler), (EventHandler, AgentEventHandler)):
        with pytest.raises(TypeError, match="derive from one, or register two handlers") as caught:
            define(*bases)
        names = " and ".join(base.__name__ for base in bases)
        assert f"Mine derives from {names}, which" in str(caught.value)
    define(define(AgentEventHandler), on_thread_run=lambda self, run: None)


def test_the_callbacks_of_the_other_kind_are_checked_by_its_own_table() -> None:
    """The error has names, arguments and hints."""
    with pytest.raises(TypeError, match="on_thread_rnu is not a callback; did you mean on_thread_"):
        define(AgentEventHandler, on_thread_rnu=lambda self, run: None)
    with pytest.raises(TypeError, match=r"cannot be called as on_message_delta\(delta\)"):
        define(AgentEventHandler, on_message_delta=lambda self, delta, snapshot: None)


# --- Kinds of callables -------------------------------------------------------------------


async def coroutine(*arguments: object) -> None:
    """Do nothing until awaited."""


async def async_generator(*arguments: object) -> Any:
    """Do nothing until iterated."""
    yield


def generator(*arguments: object) -> Any:
    """Do nothing until iterated."""
    yield


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (coroutine, "an async function"),
        (functools.partial(coroutine), "an async function"),
        (staticmethod(coroutine), "an async function"),
        (async_generator, "an async generator function"),
        (generator, "a generator function"),
    ],
)
def test_a_function_that_does_nothing_when_called_is_refused(function: Any, kind: str) -> None:
    """A callback's return value is never awaited or iterated."""
    with pytest.raises(TypeError, match=rf"Mine\.on_done is {kind}.*def on_done\(self\)"):
        define(on_done=function)


@pytest.mark.parametrize("value", [None, "text", property(lambda self: print)])
def test_what_cannot_be_called_is_refused(value: object) -> None:
    """Setting a callback to None does not turn it off; leaving it out does."""
    with pytest.raises(TypeError, match=r"Mine\.on_text_done is not callable.*\(self, text\)"):
        define(on_text_done=value)


@pytest.mark.parametrize(
    "function",
    [
        lambda self, delta, snapshot: None,
        lambda self, piece, whole, more=None: None,
        lambda self, *arguments: None,
        lambda *arguments, **options: None,
        staticmethod(lambda delta, snapshot: None),
        classmethod(lambda cls, delta, snapshot: None),
        functools.partialmethod(lambda self, extra, delta, snapshot: None, 1),
        functools.partial(lambda extra, delta, snapshot: None, 1),
        Mock(),
        type,  # cannot be inspected
    ],
)
def test_every_callable_that_can_take_the_arguments_is_accepted(function: Any) -> None:
    """Names of arguments are free, and decorated or borrowed callables are fine."""
    define(on_text_delta=function)


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        (lambda self, delta: None, r"Mine\.on_text_delta\(self, delta\)"),
        (lambda delta, snapshot: None, r"Mine\.on_text_delta\(delta, snapshot\)"),
        (lambda self, delta, snapshot, index: None, "missing a required argument: 'index'"),
        (lambda self, delta, snapshot, *, index: None, "missing a required .*'index'"),
        (lambda self, delta, *, snapshot: None, "too many positional arguments"),
        (staticmethod(lambda self, delta, snapshot: None), "missing a required argument"),
        (classmethod(lambda cls, delta: None), "too many positional arguments"),
        (functools.partialmethod(lambda self, delta, snapshot: None, 1), "too many positional"),
    ],
)
def test_a_callback_that_cannot_take_its_arguments_is_refused(function: Any, shown: str) -> None:
    """The error shows what is written, how it will be called, and what to write."""
    with pytest.raises(TypeError, match=shown) as caught:
        define(on_text_delta=function)
    assert "on_text_delta(delta, snapshot)" in str(caught.value)
    assert "define it as def on_text_delta(self, delta, snapshot)" in str(caught.value)


# --- Observers ----------------------------------------------------------------------------


# --- Decorators ---------------------------------------------------------------------------


def passing(function: Any) -> Any:
    """Pass on whatever comes, as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def injecting(function: Any) -> Any:
    """Pass on the arguments of the callback, and one more."""

    @functools.wraps(function)
    def wrapper(self: Any, delta: Any, snapshot: Any) -> Any:
        return function(self, delta, snapshot, "injected")

    return wrapper


def hiding(function: Any) -> Any:
    """Take too few arguments, whatever the decorated function takes."""

    @functools.wraps(function)
    def wrapper(self: Any, delta: Any) -> Any:
        return function(self, delta, None)

    return wrapper


def right(self: Any, delta: Any, snapshot: Any) -> None:
    """Take what the callback gets."""


def wrong(self: Any, delta: Any) -> None:
    """Take too little."""


def more(self: Any, delta: Any, snapshot: Any, injected: Any) -> None:
    """Take what a decorator adds."""


class Decorated:
    """Not an object that can be called as a method would."""

    __wrapped__ = 5

    def __call__(self, *arguments: Any) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    "function",
    [
        passing(right),
        passing(passing(right)),
        injecting(more),
        passing(injecting(more)),
        injecting(wrong),
        staticmethod(functools.partial(right, None)),
        classmethod(passing(right)),
        Decorated(),
    ],
    ids=[
        *("passing", "twice", "injecting", "passing to injecting", "injecting, wrong inside"),
        *("partial", "classmethod", "no function"),
    ],
)
def test_a_decorated_callback_is_judged_by_what_is_called(function: Any) -> None:
    """What it decorates counts only if it takes any arguments, and so passes them on."""
    define(on_text_delta=function)
    handler = EventHandler()
    handler.on_text_delta = passing(lambda delta, snapshot: None)  # type: ignore[method-assign]
    Dispatcher().register(handler)


@pytest.mark.parametrize(
    "function",
    [
        passing(wrong),
        passing(passing(wrong)),
        passing(more),
        hiding(right),
        passing(hiding(right)),
        classmethod(passing(wrong)),
    ],
    ids=["passing", "twice", "one too many", "hiding", "passing to hiding", "classmethod"],
)
def test_a_mismatch_is_found_behind_a_decorator(function: Any) -> None:
    """It would be found in the middle of a run."""
    with pytest.raises(TypeError, match=r"on_text_delta\(.*cannot be called as on_text_delta"):
        define(on_text_delta=function)


def test_an_observer_that_does_not_exist_is_refused() -> None:
    """``observes`` must name methods, wherever in the bases the table is."""

    class Mixin:
        observes: ClassVar = {Done: "_keep"}

    define(Mixin, EventHandler, _keep=lambda self, event: None)
    with pytest.raises(TypeError, match=r"Mixin\.observes names _keep, which is not a method"):
        define(EventHandler, Mixin)


# --- Instances ----------------------------------------------------------------------------


def test_callbacks_of_an_instance_are_checked_when_it_is_registered() -> None:
    """The same mistakes are the same errors."""

    async def late() -> None: ...

    def two(first: object, second: object) -> None: ...

    wrong: dict[str, tuple[Callable[..., object] | None, str]] = {
        "on_doen": (print, r"EventHandler\.on_doen is not a callback; did you mean on_done"),
        "on_end": (late, "an async function"),
        "on_timeout": (None, "not callable"),
        "on_run_done": (two, r"on_run_done\(first.*cannot be called as on_run_done\(run\)"),
    }
    for name, (function, message) in wrong.items():
        handler = EventHandler()
        setattr(handler, name, function)
        with pytest.raises(TypeError, match=message):
            Dispatcher().register(handler)


def test_other_attributes_of_an_instance_are_its_own() -> None:
    """Declared extras count for instances too."""
    handler = define(extra_callbacks={"on_click"})()
    vars(handler).update(on_click=1, count=2)
    Dispatcher().register(handler)
