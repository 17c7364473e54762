"""The fast paths against the ordinary one, on a few hundred streams; and bugs that it finds."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from stream_core.decoding import fast_deltas, fast_frames
from stream_core.decoding.fast_deltas import Template
from stream_core.decoding.fast_frames import FrameReader
from stream_core.dialects import Repeats
from stream_core.dialects.chat import dialect, repeating
from tests.fuzz.both_paths import Figures, compare
from tests.fuzz.checks import Difference
from tests.fuzz.paths import main, shrink, stream_of
from tests.fuzz.repeats import by_frame, make
from tests.fuzz.tricks import TRICKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
    assert seen["long"]


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_changes_a_frame(name: str) -> None:
    """Each does something to most frames, and leaves bytes that it does not understand."""
    data = b'event: x\ndata: {"id":"a","sequence_number":7,"delta":{"text":"b c"}}\n\n'
    chances = [random.Random(seed) for seed in range(9)]
    assert sum(TRICKS[name](data, chance) != data for chance in chances) > 4
    assert isinstance(TRICKS[name](b"x", chances[0]), bytes)


# --- Bugs that are planted --------------------------------------------------------------


def _learning(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let templates be made of repeats with CHANGES, if these have what is changed."""
    real = fast_deltas.learn

    def learn(frame: str, name: str, fold: Any, repeats: Repeats, step: int = 1) -> Any:
        mine = {key: x for key, x in changes.items() if getattr(repeats, key) is not None}
        return real(frame, name, fold, repeats._replace(**mine), step)

    patch.setattr(fast_frames, "learn", learn)


def _generating(patch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """Let the code of readers have NEW where it has OLD."""
    real = fast_deltas._reader

    def reader(*arguments: Any, **options: Any) -> list[str]:
        return [line.replace(old, new) for line in real(*arguments, **options)]

    patch.setattr(fast_deltas, "_reader", reader)


def _any_number(patch: pytest.MonkeyPatch) -> None:
    real = fast_deltas._holes

    def holes(*arguments: Any) -> Any:
        found = real(*arguments)
        return found and [x._replace(kind="S") if x.kind == "C" else x for x in found]

    patch.setattr(fast_deltas, "_holes", holes)


def _late_number(patch: pytest.MonkeyPatch) -> None:
    _generating(patch, "sequence_number = number", "sequence_number = number - step")


def _kept_keys_are_skipped(patch: pytest.MonkeyPatch) -> None:
    real = repeating.read_piece

    def read(chunk: dict[str, Any]) -> Any:
        piece, text = real(chunk), json.dumps(chunk)
        if piece is None:
            return None
        keys = {x for x in ("obfuscation", "logprobs", "usage") if f'"{x}"' in text}
        return piece._replace(row=repeating._ROWS[piece.name].only(keys))

    patch.setattr(repeating, "_CALL_KEYS", repeating._CALL_KEYS | {"obfuscation", "logprobs"})
    patch.setattr(dialect, "read_piece", read)


def _kept_template(patch: pytest.MonkeyPatch) -> None:
    real = FrameReader._hand_out

    def hand_out(self: FrameReader, name: str, data: str, frame: str) -> Any:
        before = self._template
        out = real(self, name, data, frame)
        self._template = before
        return out

    patch.setattr(FrameReader, "_hand_out", hand_out)


def _late_repetition(patch: pytest.MonkeyPatch) -> None:
    real = FrameReader._hand_out

    def hand_out(self: FrameReader, name: str, data: str, frame: str) -> Any:
        before = self._again
        out = real(self, name, data, frame)
        self._again = None if name else before
        return out

    patch.setattr(FrameReader, "_hand_out", hand_out)


def _old_wants(patch: pytest.MonkeyPatch) -> None:
    real = FrameReader._learn

    def learn(self: FrameReader, decoded: Any, frame: str) -> None:
        real(self, decoded, frame)
        made, wants = self._template, self.wants
        if made is not None:
            self._template = Template(
                made.name,
                lambda text, _: made.read(text, wants),
                lambda text, at, _: made.read_at(text, at, wants),
                made.place,
            )

    patch.setattr(FrameReader, "_learn", learn)


def _lone_halves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fast_deltas, "can_encode", lambda _: True)


class _Ascii(str):
    __slots__ = ()

    def isascii(self) -> bool:
        return True


def _characters_for_bytes(patch: pytest.MonkeyPatch) -> None:
    real = fast_frames._as_text
    patch.setattr(fast_frames, "_as_text", lambda piece: _Ascii(real(piece)))


def _offset(patch: pytest.MonkeyPatch) -> None:
    real = FrameReader._read_frame

    def read(self: FrameReader, frame: str) -> Any:
        before = self._template
        out = real(self, frame)
        if before is not None and self._template is before:
            self._offset -= 1
        return out

    patch.setattr(FrameReader, "_read_frame", read)


def _no_limit(patch: pytest.MonkeyPatch) -> None:
    real = FrameReader.__init__

    def make_reader(self: FrameReader, *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **options)
        self._limit = 1 << 40

    patch.setattr(FrameReader, "__init__", make_reader)


#: Each bug, and the seed from which on it is looked for, in every third: those of one wire.
BUGS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "any number is taken for the next": (_any_number, 1),
    "the number is that of the frame before": (_late_number, 1),
    "a skipped key counts at any place": (_kept_keys_are_skipped, 71),
    "a template is kept after another frame": (_kept_template, 2),
    "a repetition is skipped after another frame": (_late_repetition, 453),
    "what is wanted is that of the time of learning": (_old_wants, 31),
    "a lone half is folded in": (_lone_halves, 2),
    "the offset is wrong after a template": (_offset, 2),
    "a window counts characters": (_characters_for_bytes, 149),
    "a frame may have any size": (_no_limit, 2),
    "the dialect's own text does not grow": (lambda x: _learning(x, grow=None), 2),
    "so on Responses": (lambda x: _learning(x, grow=None), 1),
    "usage is not taken": (lambda x: _learning(x, take=lambda _: None), 53),
    "an empty piece is folded in": (lambda x: _generating(x, " or not value", ""), 2),
}


@pytest.fixture
def _own_readers() -> Iterator[None]:
    """Generate readers for one test alone."""
    fast_deltas._maker.cache_clear()
    yield
    fast_deltas._maker.cache_clear()


def _found(first: int) -> tuple[Take, int]:
    """Return the first stream on which the paths differ."""
    for seed in range(first, 600, 3):
        try:
            compare(make(seed), seed, Figures())
        except Difference:
            return make(seed), seed
    raise AssertionError("no stream shows it")


@pytest.mark.usefixtures("_own_readers")
@pytest.mark.parametrize("name", BUGS)
def test_planted_bugs_are_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each shows in a few hundred streams."""
    plant, first = BUGS[name]
    plant(monkeypatch)
    take, seed = _found(first)
    monkeypatch.undo()
    fast_deltas._maker.cache_clear()
    compare(take, seed, Figures())


def test_what_is_found_is_made_small_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run fails, and says how to read the stream again, which has few frames left."""
    plant, first = BUGS["any number is taken for the next"]
    plant(monkeypatch)
    take, seed = _found(first)
    small = shrink(take, seed)
    assert 4 >= sum(len(by_frame(part.data)) for part in small.parts)
    arguments = ["--seed", str(seed), "--seeds", "1", "--into", str(tmp_path), "--wire", "nowhere"]
    assert 1 == main(arguments)
    out = capsys.readouterr().out
    assert "no recorded streams in nowhere" in out
    assert f"seed {seed}, {take.dialect}, now" in out
    assert "1 differences" in out
    (kept,) = tmp_path.iterdir()
    assert seed == json.loads(kept.read_text("utf-8"))["seed"]
    assert 1 == main(["--replay", str(kept)])
    monkeypatch.undo()
    assert 0 == main(["--replay", str(kept)])
    assert 0 == main([*arguments, "--minutes", "1"])
    assert "0 differences" in capsys.readouterr().out
