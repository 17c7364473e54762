"""Every wire's control has what a stream may ask for, in the same shape."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from stream_core import Control
from stream_core.run_control.assistants import AssistantsControl
from stream_core.run_control.chat import ChatControl
from stream_core.run_control.responses import ResponsesControl
from tests.support.scripted_control import ScriptedControl

METHODS = ["begin", "answer", "rejoin", "recover", "find", "cancel"]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("cls", [AssistantsControl, ChatControl, ResponsesControl, ScriptedControl])
def test_a_control_has_every_method_of_the_protocol(cls: Any, name: str) -> None:
    """With the same parameters and the same type of answer."""
    ours, theirs = getattr(cls, name), getattr(Control, name)
    assert list(inspect.signature(theirs).parameters) == list(inspect.signature(ours).parameters)
    expected, actual = (
        inspect.signature(one).return_annotation.replace("models.", "") for one in (theirs, ours)
    )
    assert expected == actual


def test_the_protocol_has_no_other_method() -> None:
    """What is tested here is all of it."""
    own = [name for name in vars(Control) if inspect.isfunction(vars(Control)[name])]
    assert sorted(METHODS) == sorted(name for name in own if not name.startswith("_"))
