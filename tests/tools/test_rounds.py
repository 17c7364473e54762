"""Rounds of tools: with a driver, and as a flow that a test answers."""

from __future__ import annotations

import functools
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event, get_ident
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import models
from stream_core.effects import Deliver, Effect, Invoke, Join, Now, Outcome, Wait, drive
from stream_core.errors import RunExpiredError, ToolLoopError
from stream_core.events import ToolError, ToolOutput
from stream_core.tools.rounds import DEFAULT_MAX_ROUNDS, ToolErrors, ToolRounds
from stream_core.tools.tool_set import ToolSet
from tests.support.conversations import get_tides, get_wind
from tests.support.flows import KeepingDriver, play, play_all

if TYPE_CHECKING:
    from stream_core.models import RequiredActionFunctionToolCall

PORTO = '{"port": "Porto"}'
TIDES_AT_PORTO = "high water at Porto is at 16:35"


def call(name: str, arguments: str = PORTO, call_id: str = "") -> RequiredActionFunctionToolCall:
    """Make a call whose id is its function's name by default."""
    function = models.Function(name=name, arguments=arguments)
    return models.RequiredActionFunctionToolCall(id=call_id or name, function=function)


def waiting(*calls: RequiredActionFunctionToolCall, **fields: Any) -> models.Run:
    """Make a run that waits for outputs."""
    outputs = models.SubmitToolOutputs(list(calls or [call("get_tides")]))
    action = models.RequiredAction("submit_tool_outputs", submit_tool_outputs=outputs)
    return models.Run(id="run_1", status="requires_action", required_action=action, **fields)


def asking(*names: str) -> models.Run:
    """Make a run that waits for approvals."""
    calls = [models.MCPApprovalToolCall(id=name, name=name) for name in names]
    approval = models.SubmitToolApproval(calls)
    action = models.RequiredAction("submit_tool_approval", submit_tool_approval=approval)
    return models.Run(id="run_1", status="requires_action", required_action=action)


def answer(rounds: ToolRounds, run: models.Run) -> tuple[list[str], dict[str, Any]]:
    """Do what RUN requires; return the delivered events, in short, and the body."""
    driver = KeepingDriver()
    body = driver.run(rounds.answer(run))
    assert body is not None
    delivered = [event for event in driver.delivered if isinstance(event, ToolOutput | ToolError)]
    assert driver.delivered == delivered
    return [shown(event) for event in delivered], body


def shown(event: ToolOutput | ToolError) -> str:
    """Return an event in short."""
    if isinstance(event, ToolOutput):
        return f"{event.tool_call.id}: {event.output}"
    return f"{event.tool_call.id} failed: {type(event.error).__name__}"


def broken(port: str) -> str:
    """Fail."""
    raise OSError(f"no ship at {port}")


# --- Which runs are answered ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounds", "run", "expected"),
    [
        (ToolRounds(ToolSet(get_tides)), waiting(), True),
        (ToolRounds(ToolSet(get_tides)), asking("a"), False),
        (ToolRounds(None, approve=bool), waiting(), False),
        (ToolRounds(None, approve=bool), asking("a"), True),
        (ToolRounds(ToolSet(), approve=bool), models.Run(status="requires_action"), False),
        (
            ToolRounds(ToolSet(), approve=bool),
            models.Run(required_action=models.RequiredAction("something_new")),
            False,
        ),
    ],
    ids=["outputs", "no approve", "no tools", "approvals", "nothing required", "something new"],
)
def test_only_what_can_be_answered_is(
    rounds: ToolRounds, run: models.Run, *, expected: bool
) -> None:
    """Outputs need tools, approvals need ``approve``; anything else is left to the caller."""
    assert expected is rounds.answers(run)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tool_errors": "ignore"}, 'tool_errors is \'ignore\': choose "submit" or "raise"'),
        ({"max_rounds": 0}, "max_rounds is 0: allow at least one round"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    """The error names the allowed values."""
    with pytest.raises(ValueError, match=message):
        ToolRounds(ToolSet(), **settings)


class Submitting:
    """Has the one method of an executor that is called."""

    def submit(self) -> None:
        """Run nothing."""


async def later(_: Any) -> bool:
    """Approve, but only if somebody waits for it."""
    return True


def wrapper(*_: Any) -> bool:
    """Approve, whatever is given."""
    return True


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"approve": True}, "approve is True: pass a function that takes a call"),
        ({"approve": "yes"}, "approve is 'yes': pass a function"),
        ({"approve": later}, "approve is an async function, which nobody would wait for"),
        ({"approve": lambda: True}, "which cannot be called with a call: pass a function"),
        ({"executor": "x"}, "executor is 'x': pass an executor, e.g."),
        ({"executor": ThreadPoolExecutor}, "ThreadPoolExecutor'>: pass an executor"),
        ({"max_rounds": "x"}, "max_rounds is 'x': pass a whole number"),
        ({"max_rounds": True}, "max_rounds is True: pass a whole number"),
        ({"max_rounds": 1.5}, "max_rounds is 1.5: pass a whole number"),
    ],
)
def test_settings_of_the_wrong_type_are_refused(settings: dict[str, Any], message: str) -> None:
    """The error names the remedy."""
    with pytest.raises(TypeError, match=message):
        ToolRounds(ToolSet(), **settings)


@pytest.mark.parametrize("approve", [bool, wrapper, functools.wraps(lambda: 1)(wrapper), min])
def test_any_function_that_takes_a_call_may_approve(approve: Any) -> None:
    """A decorated one is judged by itself, a builtin is not judged."""
    ToolRounds(ToolSet(), approve=approve)


# --- Outputs ----------------------------------------------------------------------------------


def test_each_call_is_told_with_its_output_and_all_are_submitted() -> None:
    """The events come in the order of the calls; the body comes last."""
    rounds = ToolRounds(ToolSet(get_wind, get_tides))
    told, body = answer(rounds, waiting(call("get_tides", call_id="a"), call("get_wind")))
    wind = "at Porto it blows from the north"
    assert [f"a: {TIDES_AT_PORTO}", f"get_wind: {wind}"] == told
    expected = [
        {"tool_call_id": "a", "output": TIDES_AT_PORTO},
        {"tool_call_id": "get_wind", "output": wind},
    ]
    assert {"tool_outputs": expected} == body


def test_a_call_runs_when_the_one_before_it_was_told() -> None:
    """Without an executor the calls run one by one."""
    log: list[str] = []

    def note(word: str) -> str:
        log.append(f"run {word}")
        return word

    rounds = ToolRounds(ToolSet(note))
    run = waiting(call("note", '{"word": "a"}'), call("note", '{"word": "b"}'))

    class Logging(KeepingDriver):
        def deliver(self, effect: Deliver) -> bool:
            log.append(type(effect.event).__name__)
            return super().deliver(effect)

    Logging().run(rounds.answer(run))
    assert ["run a", "ToolOutput", "run b", "ToolOutput"] == log


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        (call("broken"), "OSError", "OSError: no ship at Porto"),
        (call("tides"), "UnknownToolError", "there is no tool 'tides'"),
        (call("broken", "{}"), "ToolArgumentsError", "is missing"),
        (call("broken", "not JSON"), "ToolArgumentsError", "is not JSON"),
    ],
    ids=["the tool raises", "no such tool", "wrong arguments", "no arguments"],
)
def test_what_goes_wrong_is_told_and_its_text_submitted(
    wrong: RequiredActionFunctionToolCall, error: str, sentence: str
) -> None:
    """The error comes before the output made from it, and the other calls run."""
    told, body = answer(ToolRounds(ToolSet(broken, get_tides)), waiting(wrong, call("get_tides")))
    outputs = [one["output"] for one in body["tool_outputs"]]
    assert outputs[0].startswith(f"{error}: ")
    assert sentence in outputs[0]
    assert [
        f"{wrong.id} failed: {error}",
        f"{wrong.id}: {outputs[0]}",
        f"get_tides: {TIDES_AT_PORTO}",
    ] == told


def test_what_goes_wrong_is_raised_where_that_was_chosen() -> None:
    """It is delivered first; no later call runs, and nothing is submitted."""
    rounds = ToolRounds(ToolSet(broken, get_tides), tool_errors="raise")
    driver = KeepingDriver()
    flow = rounds.answer(waiting(call("get_tides"), call("broken"), call("get_tides")))
    with pytest.raises(OSError, match="no ship at Porto") as caught:
        driver.run(flow)
    _, delivered = driver.delivered
    assert isinstance(delivered, ToolError)
    assert delivered.error is caught.value


# --- In an executor -----------------------------------------------------------------------------


def test_an_executor_runs_the_calls_of_a_round_at_the_same_time() -> None:
    """Each waits for the other here; the outputs are in the order of the calls."""
    barrier = Barrier(2, timeout=10)

    def meet(name: str) -> str:
        if name == "first":
            barrier.wait()
            time.sleep(0.02)  # so that it ends last
        else:
            barrier.wait()
        return name

    run = waiting(call("meet", '{"name": "first"}', "a"), call("meet", '{"name": "second"}', "b"))
    with ThreadPoolExecutor(2) as executor:
        told, _ = answer(ToolRounds(ToolSet(meet), executor=executor), run)
    assert ["a: first", "b: second"] == told


def test_approve_is_asked_in_the_readers_thread() -> None:
    """A function that asks at a terminal asks one question at a time."""
    asked, ran = [], []

    def tool() -> None:
        ran.append(get_ident())

    def approve(_: Any) -> bool:
        asked.append(get_ident())
        return True

    with ThreadPoolExecutor(1) as executor:
        rounds = ToolRounds(ToolSet(tool), approve=approve, executor=executor)
        answer(rounds, waiting(call("tool", "{}"), call("tool", "{}")))
    assert [get_ident()] * 2 == asked
    assert 2 == len(ran)
    assert get_ident() not in ran


# --- approve ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "output"),
    [
        (True, TIDES_AT_PORTO),
        (False, "The call was refused."),
        ("Ask me tomorrow.", "Ask me tomorrow."),
        ("", ""),
        (call("get_wind"), "at Porto it blows from the north"),
    ],
    ids=["yes", "no", "text", "empty text", "another call"],
)
def test_approve_lets_a_call_run_refuses_or_changes_it(verdict: Any, output: str) -> None:
    """The output belongs to the call that the run waits for, whichever call ran."""
    seen = []

    def approve(asked: RequiredActionFunctionToolCall) -> Any:
        seen.append(asked.function.name)
        return verdict

    rounds = ToolRounds(ToolSet(get_tides, get_wind), approve=approve)
    told, body = answer(rounds, waiting())
    assert ["get_tides"] == seen
    assert [f"get_tides: {output}"] == told
    assert {"tool_outputs": [{"tool_call_id": "get_tides", "output": output}]} == body


@pytest.mark.parametrize("verdict", [None, 1, ["yes"]])
def test_what_approve_may_not_return_runs_nothing(verdict: Any) -> None:
    """This includes the None of a forgotten ``return``; it is no output for the model."""
    ran: list[str] = []
    rounds = ToolRounds(ToolSet(lambda_tool(ran)), approve=lambda _: verdict)
    with pytest.raises(TypeError, match=re.escape(f"approve returned {verdict!r}")):
        answer(rounds, waiting(call("tool", "{}")))
    assert [] == ran


def lambda_tool(ran: list[str]) -> Any:
    """Run, and record it."""

    def tool() -> None:
        ran.append("tool")

    return tool


@pytest.mark.parametrize("run", [waiting(call("tool", "{}")), asking("tool")])
def test_what_approve_raises_leaves(run: models.Run) -> None:
    """It is no output for the model: nothing runs, and nothing is delivered or submitted."""
    error = PermissionError("not today")

    def approve(_: Any) -> bool:
        raise error

    ran: list[str] = []
    driver = KeepingDriver()
    with pytest.raises(PermissionError) as caught:
        driver.run(ToolRounds(ToolSet(lambda_tool(ran)), approve=approve).answer(run))
    assert (error, []) == (caught.value, driver.delivered)
    assert "raised by approve for the call tool" in error.__notes__
    assert [] == ran


def test_when_approve_raises_the_calls_that_have_begun_are_waited_for() -> None:
    """They run in an executor; their outputs are not delivered."""
    begun, go_on, ran = Event(), Event(), []

    def tool() -> None:
        begun.set()
        go_on.wait(5)
        ran.append("tool")

    def approve(asked: Any) -> bool:
        if asked.id == "b":
            begun.wait(5)
            go_on.set()
            raise PermissionError("not today")
        return True

    driver = KeepingDriver()
    calls = [call("tool", "{}", name) for name in "abc"]
    with ThreadPoolExecutor(2) as executor:
        rounds = ToolRounds(ToolSet(tool), approve=approve, executor=executor)
        with pytest.raises(PermissionError):
            driver.run(rounds.answer(waiting(*calls)))
        assert (["tool"], []) == (ran, driver.delivered)


@pytest.mark.parametrize(
    ("outcome", "go_on", "tool_errors"),
    [(Outcome(error=OSError("no")), True, "raise"), (Outcome("high"), False, "submit")],
    ids=["raised", "ended"],
)
def test_when_a_call_of_several_ends_the_round_the_others_are_waited_for(
    outcome: Outcome, tool_errors: ToolErrors, *, go_on: bool
) -> None:
    """This is so for an exception that is to be raised, and for a stream that was ended."""
    executor: Any = Submitting()
    rounds = ToolRounds(ToolSet(get_tides), executor=executor, tool_errors=tool_errors)
    asked = [call("get_tides", call_id=name) for name in "abc"]
    effects: list[Effect] = []
    answers = iter(["A", "B", "C", outcome, go_on, Outcome("B"), Outcome("C")])

    def perform(effect: Effect) -> Any:
        effects.append(effect)
        return next(answers)

    with suppress(OSError):
        assert None is drive(rounds.answer(waiting(*asked)), perform)
    assert [Join("A"), Join("B"), Join("C")] == [x for x in effects if isinstance(x, Join)]


def test_only_calls_that_have_begun_are_waited_for() -> None:
    """One that was refused has its output already."""
    executor: Any = Submitting()
    rounds = ToolRounds(ToolSet(get_tides), approve=bool, executor=executor)
    asked = waiting(*(call("get_tides", call_id=name) for name in "abc"))
    answers = [Outcome(True), False, "A", Outcome(False), False, Outcome(error=OSError("no"))]
    with pytest.raises(OSError, match="no"):
        play(rounds.answer(asked), *answers, Outcome("A"))


@pytest.mark.parametrize("with_executor", [True, False])
def test_an_approve_that_ends_the_stream_lets_nothing_run(*, with_executor: bool) -> None:
    """The driver says so when it is asked after ``approve``."""
    executor: Any = Submitting() if with_executor else None
    rounds = ToolRounds(ToolSet(get_tides), approve=bool, executor=executor)
    effects, body = play_all(rounds.answer(waiting(call("a"), call("b"))), Outcome(True), True)
    assert [Invoke(bool, (call("a"),)), Wait(0.0)] == effects
    assert body is None
    assert None is play(rounds.answer(asking("a", "b")), Outcome(True), True)


def test_without_tools_no_call_runs() -> None:
    """If an answer is requested all the same, each call has an error."""
    told, body = answer(ToolRounds(None, approve=lambda _: True), waiting())
    assert "get_tides failed: LookupError" == told[0]
    assert "'get_tides' cannot be called" in body["tool_outputs"][0]["output"]


def test_approvals_are_what_approve_says() -> None:
    """Only True approves; no tool runs here, so no event is delivered."""
    verdicts: dict[str, Any] = {"a": True, "b": False, "c": "no", "d": 1}
    rounds = ToolRounds(None, approve=lambda asked: verdicts[asked.name])
    told, body = answer(rounds, asking(*verdicts))
    assert [] == told
    expected = [{"tool_call_id": name, "approve": name == "a"} for name in verdicts]
    assert {"tool_approvals": expected} == body


def test_without_approve_nothing_is_approved() -> None:
    """If an answer is requested all the same, it is the safe one."""
    assert ([], {"tool_approvals": [{"tool_call_id": "a", "approve": False}]}) == answer(
        ToolRounds(ToolSet(get_tides)), asking("a")
    )


# --- Limits -------------------------------------------------------------------------------------


def test_one_round_more_than_allowed_is_an_error() -> None:
    """No tool runs in that round; the error has the run."""
    ran: list[str] = []
    rounds = ToolRounds(ToolSet(lambda_tool(ran)), max_rounds=2)
    run = waiting(call("tool", "{}"))
    for _ in range(2):
        answer(rounds, run)
    with pytest.raises(ToolLoopError, match="requires more than 2 rounds of tools") as caught:
        answer(rounds, run)
    assert (run, 2) == (caught.value.run, caught.value.max_rounds)
    assert ["tool", "tool"] == ran


def test_sixteen_rounds_are_allowed_where_nothing_is_said() -> None:
    """That is more than real conversations need."""
    rounds = ToolRounds(ToolSet(get_tides))
    for _ in range(DEFAULT_MAX_ROUNDS):
        answer(rounds, waiting())
    with pytest.raises(ToolLoopError):
        answer(rounds, waiting())
    assert 16 == DEFAULT_MAX_ROUNDS


def test_outputs_that_come_too_late_are_not_submitted() -> None:
    """The outputs have been delivered by then; the error has the run."""
    run = waiting(created_at=100, expires_at=100)
    driver = KeepingDriver()
    with pytest.raises(RunExpiredError, match="run run_1 expired at") as caught:
        driver.run(ToolRounds(ToolSet(get_tides)).answer(run))
    assert [ToolOutput] == [type(event) for event in driver.delivered]
    assert run is caught.value.run


@pytest.mark.parametrize(
    "fields", [{"created_at": 100, "expires_at": 700}, {"expires_at": 700}, {"created_at": 100}]
)
def test_outputs_in_time_are_submitted(fields: dict[str, Any]) -> None:
    """The dates are those of the server's clock, and may be long past: a recording's are."""
    _, body = answer(ToolRounds(ToolSet(get_tides)), waiting(**fields))
    assert ["tool_outputs"] == list(body)


# --- As a flow ----------------------------------------------------------------------------------


def test_each_call_is_invoked_and_delivered_before_the_next() -> None:
    """``approve`` is called after the calls before have run."""
    tools = ToolSet(get_tides, get_wind)
    rounds = ToolRounds(tools, approve=bool)
    calls = [call("get_tides"), call("get_wind")]
    answers = [Outcome(True), False, Outcome("high"), True] * 2
    effects, body = play_all(rounds.answer(waiting(*calls)), *answers)
    assert effects == [
        effect
        for asked in calls
        for effect in (
            Invoke(bool, (asked,)),
            Wait(0.0),
            Invoke(tools.run, (asked,)),
            Deliver(ToolOutput(asked, "high")),
        )
    ]
    outputs = [{"tool_call_id": asked.id, "output": "high"} for asked in calls]
    assert {"tool_outputs": outputs} == body


def test_in_an_executor_all_calls_begin_before_the_first_is_waited_for() -> None:
    """A call that is refused is neither begun nor waited for."""
    executor: Any = Submitting()
    rounds = ToolRounds(ToolSet(get_tides), approve=bool, executor=executor)
    asked = [call("get_tides", call_id=name) for name in "abc"]
    verdicts = [Outcome(True), False, "begun a", Outcome("No."), False]
    verdicts += [Outcome(True), False, "begun c"]
    results = [Outcome("A"), True, True, Outcome("C"), True]
    effects, body = play_all(rounds.answer(waiting(*asked)), *verdicts, *results)
    assert ["Invoke", "Wait", "Begin", "Invoke", "Wait", "Invoke", "Wait", "Begin"] == [
        type(effect).__name__ for effect in effects[:8]
    ]
    assert [
        Join("begun a"),
        Deliver(ToolOutput(asked[0], "A")),
        Deliver(ToolOutput(asked[1], "No.")),
        Join("begun c"),
        Deliver(ToolOutput(asked[2], "C")),
    ] == effects[8:]
    assert isinstance(body, dict)
    assert ["A", "No.", "C"] == [one["output"] for one in body["tool_outputs"]]


@pytest.mark.parametrize("after", [1, 2])
def test_a_stream_that_is_ended_meanwhile_gets_no_outputs(after: int) -> None:
    """After neither an error nor an output is anything more run or returned."""
    rounds = ToolRounds(ToolSet(get_tides))
    failed = Outcome(error=OSError("no"))
    going_on = [True, False] if after == 2 else [False]
    assert None is play(rounds.answer(waiting(call("get_tides"), call("b"))), failed, *going_on)


def test_the_time_that_the_tools_took_decides_whether_a_run_has_expired() -> None:
    """The clock is read before and after, and only if the run can expire."""
    rounds = ToolRounds(ToolSet(get_tides))
    run = waiting(created_at=1000, expires_at=1100)
    for now, kind in ((149.0, dict), (150.0, RunExpiredError)):
        effects, found = play_all(rounds.answer(run), 50.0, Outcome("high"), True, now)
        assert [Now(), Now()] == [effects[0], effects[-1]]
        assert isinstance(found, kind)
