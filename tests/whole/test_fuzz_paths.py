"""The fast paths against the ordinary one, on a few hundred streams; and bugs that it finds."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from stream_core import environment
from stream_core.decoding import fast_repeats
from stream_core.decoding.fast_frames import FrameReader
from stream_core.dialects.chat import answer
from stream_core.dialects.chat.dialect import ChatDialect
from stream_core.dialects.chat.fragments import read_fragments
from stream_core.dialects.chat.returned_fields import ReturnedFields
from stream_core.dialects.responses.dialect import ResponsesDialect
from tests.fuzz.both_paths import Figures, compare
from tests.fuzz.checks import Difference
from tests.fuzz.paths import main, shrink, stream_of
from tests.fuzz.repeats import by_frame, make
from tests.fuzz.tricks import TRICKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fuzz.repeats import Take

#: Whole streams are read unmeasured, which costs half: the lines have tests of their own.
pytestmark = pytest.mark.no_cover

_PARTS, _EACH = 5, 40


@pytest.mark.parametrize("part", range(_PARTS))
def test_both_paths_agree(part: int) -> None:
    """Events, snapshots, numbers, errors and the next round are the same on both paths."""
    figures = Figures()
    for seed in range(part * _EACH, (part + 1) * _EACH):
        compare(stream_of(seed, None), seed, figures)
    assert _EACH == figures.streams
    assert {"assistants", "chat", "responses"} == figures.frames.keys()


def test_both_paths_agree_on_recordings(wire: Path) -> None:
    """So they are for what servers sent, damaged or not."""
    figures = Figures()
    for seed in range(0, 7 * 30, 7):
        compare(stream_of(seed, wire), seed, figures)
    assert 30 == figures.streams


def test_the_streams_have_what_they_promise() -> None:
    """The same seed makes the same stream; some are long, in rounds, joined again, or detected."""
    seen: Counter[str] = Counter()
    for seed in range(0, 600, 2):
        take = make(seed)
        seen[take.wire] += 1
        seen[take.dialect] += 1
        seen.update(part.begins for part in take.parts)
        data = take.parts[0].data
        long = len(data) > 1 << 16 and len(by_frame(data)) > 200
        seen["long"] += long and not data.isascii()
        seen["CRLF"] += b"\r\n" in data
    assert make(598) == make(598)
    assert seen.keys() >= {"chat", "responses", "assistants", "auto", "resume", "rejoin", "CRLF"}
    assert seen["long"] > 1


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_changes_a_frame(name: str) -> None:
    """Each does something to most frames, and leaves bytes that it does not understand."""
    data = b'event: x\ndata: {"id":"a","sequence_number":7,"delta":{"text":"b c"}}\n\n'
    chances = [random.Random(seed) for seed in range(9)]
    assert sum(TRICKS[name](data, chance) != data for chance in chances) > 4
    assert isinstance(TRICKS[name](b"x", chances[0]), bytes)


# --- Bugs that are planted --------------------------------------------------------------


def _number_is_wrong(patch: pytest.MonkeyPatch) -> None:
    real = ResponsesDialect._repeats

    def repeats(self: ResponsesDialect, event: dict[str, Any]) -> bool:
        again = real(self, event)
        if environment.FAST and event.get("delta") == "0" and self.sequence_number is not None:
            self.sequence_number += 1
        return again

    patch.setattr(ResponsesDialect, "_repeats", repeats)


def _kept_keys_are_lost(patch: pytest.MonkeyPatch) -> None:
    def read(*arguments: Any) -> list[Any]:
        found = read_fragments(*arguments)
        for one in found if environment.FAST else ():
            one.extra.pop("obfuscation", None)
            one.extra.pop("logprobs", None)
        return found

    patch.setattr(answer, "read_fragments", read)


def _usage_is_not_taken(patch: pytest.MonkeyPatch) -> None:
    real = ChatDialect._chunk

    def chunk(self: ChatDialect, sent: Any, raw: Any) -> None:
        if environment.FAST and sent.choices and sent.choices[0].delta.content:
            sent.usage = None
        real(self, sent, raw)

    patch.setattr(ChatDialect, "_chunk", chunk)


def _reasoning_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    real = ReturnedFields.add

    def add(self: ReturnedFields, more: dict[str, Any]) -> None:
        if not environment.FAST or "x" not in str(more.get("reasoning_content")):
            real(self, more)

    patch.setattr(ReturnedFields, "add", add)


def _halves_are_folded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fast_repeats, "can_encode", lambda _: True)


def _offset_is_wrong(patch: pytest.MonkeyPatch) -> None:
    real = FrameReader._read_frame

    def read(self: Any, frame: str) -> Any:
        found = real(self, frame)
        if found is not None and self._template is not None:
            self._offset -= 1
        return found

    patch.setattr(FrameReader, "_read_frame", read)


#: Each bug, and the wire on which it shows, by the rest of its seeds.
BUGS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "a number is wrong": (_number_is_wrong, 1),
    "kept keys are lost": (_kept_keys_are_lost, 2),
    "usage is not taken": (_usage_is_not_taken, 2),
    "reasoning is not kept": (_reasoning_is_not_kept, 2),
    "halves are folded": (_halves_are_folded, 0),
    "the offset is wrong": (_offset_is_wrong, 0),
}


def _found(first: int) -> tuple[Take, int]:
    """Return the first stream on which the paths differ."""
    for seed in range(first, 600, 3):
        try:
            compare(make(seed), seed, Figures())
        except Difference:
            return make(seed), seed
    raise AssertionError("no stream shows it")


@pytest.mark.parametrize("name", BUGS)
def test_planted_bugs_are_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each shows in a few hundred streams."""
    plant, first = BUGS[name]
    plant(monkeypatch)
    take, seed = _found(first)
    monkeypatch.undo()
    compare(take, seed, Figures())


def test_what_is_found_is_made_small_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run fails, and says how to read the stream again, which has few frames left."""
    plant, first = BUGS["a number is wrong"]
    plant(monkeypatch)
    take, seed = _found(first)
    small = shrink(take, seed)
    assert 3 >= sum(len(by_frame(part.data)) for part in small.parts)
    arguments = ["--seed", str(seed), "--seeds", "1", "--into", str(tmp_path), "--wire", "nowhere"]
    assert 1 == main(arguments)
    out = capsys.readouterr().out
    assert "no recorded streams in nowhere" in out
    assert f"seed {seed}, responses, now" in out
    assert "1 differences" in out
    (kept,) = tmp_path.iterdir()
    assert seed == json.loads(kept.read_text("utf-8"))["seed"]
    assert 1 == main(["--replay", str(kept)])
    monkeypatch.undo()
    assert 0 == main(["--replay", str(kept)])
    assert 0 == main([*arguments, "--minutes", "1"])
    assert "0 differences" in capsys.readouterr().out
