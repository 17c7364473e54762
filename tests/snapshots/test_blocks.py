"""The common parts of messages and run steps: blocks by index, and what was delivered."""

from __future__ import annotations

import itertools

from stream_core import events, models
from stream_core.dialects import Decoded
from stream_core.snapshots.blocks import Container, History, named_event, repeated_event, wire_event


def decoded(run_id: str, name: str = "created") -> Decoded:
    """Return a run's created or completed, as a dialect yields it."""
    known = {"created": events.ThreadRunCreated, "completed": events.ThreadRunCompleted}
    return Decoded(known[name], models.Run(run_id), {"id": run_id}, f"thread.run.{name}", True)


def test_blocks_are_in_the_order_of_the_wires_index() -> None:
    """Whatever the order of arrival and the gaps, the list is sorted by index."""
    for order in itertools.permutations((0, 1, 4, 7, 9)):
        container: Container[str] = Container("msg_1", None, 0)
        into: list[str] = []
        for index in order:
            block = container.add(index, f"part {index}", into)
            assert (index, f"part {index}") == (block.index, block.snapshot)
            assert block is container.blocks[index]
        assert ["part 0", "part 1", "part 4", "part 7", "part 9"] == into
        assert 10 == container.next_index


def test_a_negative_index_is_like_any_other() -> None:
    """Indexes have no property except their order."""
    container: Container[str] = Container("msg_1", None, 0)
    into: list[str] = []
    for index in (0, -2, -1):
        container.add(index, str(index), into)
    assert ["-2", "-1", "0"] == into
    assert 1 == container.next_index


def test_a_block_that_is_in_its_list_already_is_only_put() -> None:
    """The parts that a message comes with are in its list; blocks added later follow them."""
    into = ["zero", "one"]
    container: Container[str] = Container("msg_1", None, 0)
    for index, part in enumerate(into):
        container.put(index, part)
    container.add(2, "two", into)
    assert ["zero", "one", "two"] == into
    assert ["zero", "one", "two"] == [block.snapshot for block in container.blocks.values()]


def test_a_new_block_has_had_no_events() -> None:
    """Neither its beginning nor its end was delivered, and it is not the open one."""
    container: Container[str] = Container("msg_1", None, 0)
    block = container.put(0, "part")
    assert (False, False, None) == (block.created, block.done, container.open)


def test_a_block_is_found_by_the_id_that_it_has_now() -> None:
    """Of two with the same id it is the first, as long as that one keeps it."""
    container: Container[models.FunctionToolCall] = Container("step_1", None, 0)
    first, second = (container.put(index, models.FunctionToolCall("a")) for index in (0, 1))
    container.know(first, "a")
    container.know(second, "a")
    assert first is container.find("a")
    first.snapshot.id = "b"
    assert None is container.find("a")
    container.know(second, "a")
    assert second is container.find("a")


def test_many_blocks_in_order_each_cost_the_same() -> None:
    """A new highest index is not compared with all the others."""

    class Counted(int):
        compared = 0

        def __gt__(self, other: int) -> bool:
            Counted.compared += 1
            return super().__gt__(other)

        def __lt__(self, other: int) -> bool:
            Counted.compared += 1
            return super().__lt__(other)

    container: Container[int] = Container("msg_1", None, 0)
    into: list[int] = []
    for index in range(500):
        container.add(Counted(index), index, into)
    assert list(range(500)) == into
    assert 500 * 3 > Counted.compared


def test_what_was_delivered_is_remembered_by_class_and_id() -> None:
    """The same created event again is a repetition; another id or another event is not."""
    history = History()
    assert not history.repeated(decoded("run_1"))
    assert history.repeated(decoded("run_1"))
    assert not history.repeated(decoded("run_2"))
    assert not history.repeated(decoded("run_1", "completed"))
    assert history.repeated(decoded("run_1", "completed"))


def test_an_announced_object_counts_as_created() -> None:
    """The synthetic created is the only one: a later one of the server's is a repetition."""
    history = History()
    run = models.Run("run_1")
    event = history.announce(events.ThreadRunCreated, run)
    assert events.ThreadRunCreated(run, None, synthetic=True) == event
    assert history.repeated(decoded("run_1"))


def test_each_history_is_its_own() -> None:
    """The events of one stream do not affect another."""
    assert not History().repeated(decoded("run_1"))
    assert not History().repeated(decoded("run_1"))
    assert History().current_run is None


def test_a_wire_event_has_payload_raw_and_origin() -> None:
    """Nothing that the dialect found is lost."""
    one = decoded("run_1")
    assert events.ThreadRunCreated(one.payload, one.raw, synthetic=True) == wire_event(one)


def test_an_unknown_event_keeps_its_name() -> None:
    """Its class has no name of its own."""
    one = Decoded(events.UnknownEvent, {"a": 1}, {"a": 1}, "thread.run.dreaming")
    event = named_event(one)
    assert events.UnknownEvent({"a": 1}, {"a": 1}, event="thread.run.dreaming") == event
    assert "thread.run.dreaming" == event.event


def test_a_repeated_event_has_the_name_of_what_it_repeats() -> None:
    """It has the same payload; only the class differs, so that callbacks run once."""
    one = decoded("run_1")
    expected = events.RepeatedEvent(one.payload, one.raw, True, event="thread.run.created")
    assert expected == repeated_event(one)
