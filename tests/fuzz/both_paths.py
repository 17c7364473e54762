"""The fast paths against the ordinary one: ``compare`` reads a stream on both, in several ways.

Rules of this file:

- What counts is everything that somebody can see, at the moment when it can be seen: each event
  with its JSON and its snapshot, the snapshots of the stream and the dialect's sequence number
  then, the error with all its attributes, and in the end the snapshots, the usage, and what the
  next round sends back.
- The ordinary path reads frame by frame, which is the measure for every other cut.
- What somebody wants is read at each event: it may be other events after each.
"""

from __future__ import annotations

import itertools
import random
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs

from stream_core import environment, events
from stream_core.decoding.decoder import EventDecoder
from stream_core.dialects import make_dialect
from stream_core.errors import StreamError
from stream_core.snapshots.stream_state import Snapshots
from tests.fuzz.checks import Difference
from tests.fuzz.repeats import by_frame
from tests.support.frames import Wanted, label, pieces, random_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from tests.fuzz.repeats import Take
    from tests.support.frames import Wants

    Cut: TypeAlias = Callable[[bytes, random.Random], Sequence[bytes]]

__all__ = ["WANTED", "Figures", "compare"]

#: Most chunks after which all snapshots are looked at.
_FEW = 60

#: Most bytes that are also read one by one; bytes of a window that a fast path may read at once.
_SHORT, _WINDOW = 1_500, 1 << 16

#: Longer texts are kept by their ends and a hash; in longer streams, not every delta is looked at
#: with all of its snapshot.
_KEPT, _LONG = 600, 20_000

_WIRE_DELTAS = (
    *(events.ThreadMessageDelta, events.ThreadRunStepDelta),
    *(events.ReasoningDelta, events.ReasoningSummaryDelta),
)
_TEXTS = (events.MessageTextDelta, events.RunStepToolCallDelta)

#: The events of an object that was created with the same data.
_AGAIN = (
    *(events.RepeatedEvent, events.ThreadRunQueued, events.ThreadRunInProgress),
    *(events.ThreadRunStepInProgress, events.ThreadMessageInProgress),
)

#: What somebody may want of a stream.
WANTED: tuple[Wants, ...] = (
    lambda _: False,
    lambda event_class: event_class not in _WIRE_DELTAS,
    lambda event_class: event_class in _WIRE_DELTAS,
    lambda event_class: event_class in _TEXTS,
    lambda event_class: event_class is events.MessageTextDelta,
    lambda event_class: event_class not in _TEXTS,
    lambda event_class: issubclass(event_class, events.DerivedEvent),
    lambda event_class: not issubclass(event_class, events.DerivedEvent),
    lambda event_class: event_class is events.RepeatedEvent,
    *[lambda event_class: event_class not in _AGAIN] * 3,
    lambda event_class: sum(event_class.__name__.encode()) % 2 == 0,
)


@attrs.define
class Figures:
    """What was done.

    Attributes:
        streams: How many streams were read.
        decodes: In how many ways, all together.
        events: How many events were compared.
        frames: The frames that the dialects decoded on the ordinary path, by wire.
        folded: Those of them that the fast paths read without the dialect, by wire.
        failed: How many of the streams ended in an error of the library.
    """

    streams: int = 0
    decodes: int = 0
    events: int = 0
    frames: dict[str, int] = attrs.field(factory=dict)
    folded: dict[str, int] = attrs.field(factory=dict)
    failed: int = 0


@attrs.frozen
class _Seen:
    """What could be seen at one moment.

    Attributes:
        chunk: How many chunks had been fed.
        event_class: The class of the event, or None after the last event of a chunk.
        text: The event and the state.
    """

    chunk: int = attrs.field(eq=False)
    event_class: type[events.Event] | None
    text: str


@attrs.define
class _Outcome:
    """The complete result of reading a take.

    Attributes:
        seen: Everything that could be seen, in order.
        ends: The error, or None, and the state at the end of each part.
        decoded: How many frames the dialect decoded.
    """

    seen: list[_Seen] = attrs.field(factory=list)
    ends: list[str] = attrs.field(factory=list)
    decoded: int = 0


# --- Cuts -------------------------------------------------------------------------------


def _windows(data: bytes, chance: random.Random) -> Sequence[bytes]:
    """Cut DATA into chunks of many frames; some are longer than a window."""
    frames = by_frame(data)
    if len(data) <= _WINDOW:
        size = chance.randint(2, 9)
        return [b"".join(frames[at : at + size]) for at in range(0, len(frames), size)]
    cut, at = [], 0
    while at < len(data):
        size = chance.choice((_WINDOW - 1, _WINDOW, _WINDOW + 1, 99, 2 * _WINDOW, 20_000))
        cut.append(data[at : at + size])
        at += size
    return cut


_CUTS: dict[str, Cut] = {
    "by the frame": lambda data, _: by_frame(data),
    "whole": lambda data, _: [data],
    "in pieces": lambda data, chance: [
        *random_pieces(data, chance.getrandbits(16), chance.choice((9, 90, 400, 5_000)))
    ],
    "in windows": _windows,
    "by the byte": lambda data, chance: (
        pieces(data, 1) if len(data) <= _SHORT else _windows(data, chance)
    ),
}


# --- Reading ----------------------------------------------------------------------------


@contextmanager
def _path(*, fast: bool) -> Iterator[None]:
    """Use one of the paths for a while."""
    before = environment.FAST
    environment.FAST = fast
    try:
        yield
    finally:
        environment.FAST = before


def _short(text: str) -> str:
    """Return TEXT, or what tells it from others if it is long."""
    if len(text) <= _KEPT:
        return text
    return f"{text[: _KEPT // 2]} ... {text[-_KEPT // 2 :]} ({len(text)}, {hash(text)})"


class _Reading:
    """Reads the parts of a take one after the other.

    Attributes:
        out: What was seen.
    """

    def __init__(self, take: Take, wants: Sequence[Wants | None], *, scribbles: bool) -> None:
        self.out = _Outcome()
        self._long = sum(len(x.data) for x in take.parts) > _LONG
        self._dialect: Any = make_dialect(take.dialect)
        self._options = {} if take.limit is None else {"max_frame_bytes": take.limit}
        self._snapshots = Snapshots()
        self._turns = itertools.cycle([None if x is None else Wanted(x) for x in wants])
        self._scribbles = scribbles
        self._decode = self._dialect.decode
        setattr(self._dialect, "decode", self._count)  # noqa: B010  # of this one alone

    def _count(self, frame: Any) -> Any:
        self.out.decoded += 1
        return self._decode(frame)

    def go_on(self, begins: str) -> bool:
        """Prepare the dialect for a connection that continues the run; return if it can be."""
        if begins == "rejoin" and hasattr(self._dialect, "rejoin"):
            self._dialect.rejoin()
        elif begins == "resume" and hasattr(self._dialect, "resume"):
            run = self._snapshots.current_run
            action = None if run is None else run.required_action
            if action is None or action.submit_tool_outputs is None:
                return False
            calls = action.submit_tool_outputs.tool_calls
            self._dialect.resume({call.id: "output" for call in calls})
        return True

    def read(self, chunks: Sequence[bytes], *, deep: bool) -> None:
        """Read one part; DEEP looks at all snapshots after each chunk."""
        decoder = EventDecoder(self._dialect, snapshots=self._snapshots, **self._options)
        decoder.wants = next(self._turns)
        failure = None
        try:
            for number, chunk in enumerate(chunks):
                decoder.feed(chunk)
                self._take(decoder, number)
                if deep:
                    facts = repr((decoder.heard(), self._known(), self._state()))
                    self.out.seen.append(_Seen(number, None, _short(facts)))
            decoder.close()
            self._take(decoder, len(chunks))
        except StreamError as error:
            failure = (type(error), str(error), vars(error))
        self.out.ends.append(f"{failure!r}, done: {decoder.done}, {self._at_end()}")

    def _take(self, decoder: EventDecoder, number: int) -> None:
        while (event := decoder.next_event()) is not None:
            text = f"{label(event)}: {self._shown(event)} {self._state()}"
            self.out.seen.append(_Seen(number, type(event), _short(text)))
            if self._scribbles and isinstance(event, _WIRE_DELTAS):
                _scribble(event)
            decoder.wants = next(self._turns)

    def _shown(self, event: Any) -> str:
        """Return EVENT as it is; in long streams, most deltas without their snapshots."""
        kind = type(event)
        if self._long and kind in _WIRE_DELTAS + _TEXTS:
            own = repr((event.data, event.raw) if kind in _WIRE_DELTAS else event.delta)
            if len(own) % 8:
                return own
        return repr(event)

    def _state(self) -> str:
        """Return what can be seen of the stream besides the event."""
        known = self._snapshots
        run, one, step = known.current_run, known.current_message, known.current_run_step
        facts = [None if x is None else (x.id, x.status) for x in (run, one, step)]
        text = None if one is None else (one.role, _short(one.text))
        ends = (known.ended, known.terminated, known.requires_action)
        return repr([*facts, text, *ends, known.open_objects, self._number])

    @property
    def _number(self) -> Any:
        return getattr(self._wire, "sequence_number", None)

    @property
    def _wire(self) -> Any:
        """The dialect that decodes, also if it was detected."""
        return getattr(self._dialect, "_dialect", self._dialect)

    def _known(self) -> str:
        return repr((self._snapshots.messages, self._snapshots.run_steps))

    def _at_end(self) -> str:
        """Return all that is left when a stream ended."""
        known = self._snapshots
        kept = ("usage", "assistant_message", "output_items", "output_tokens", "response_id")
        left = {}
        for name in kept:
            with suppress(AttributeError):
                left[name] = getattr(self._wire, name)
        return f"{known.current_run!r} {self._known()} {self._state()} {left!r}"


def _scribble(event: Any) -> None:
    """Change what a handler may change: the payload and the JSON of a delta."""
    if isinstance(event.raw, dict):
        event.raw.clear()
    event.data = None


def _read(
    take: Take,
    cut: Sequence[Sequence[bytes]],
    wants: Sequence[Wants | None] = (None,),
    *,
    fast: bool,
    deep: bool = False,
    scribbles: bool = False,
) -> _Outcome:
    """Read TAKE, whose parts are in the chunks of CUT."""
    with _path(fast=fast):
        reading = _Reading(take, wants, scribbles=scribbles)
        for part, chunks in zip(take.parts, cut, strict=True):
            if reading.go_on(part.begins):
                reading.read(chunks, deep=deep)
    return reading.out


# --- Comparing --------------------------------------------------------------------------


def _same(name: str, expected: _Outcome, actual: _Outcome, *, chunks: bool = False) -> None:
    """Refuse two outcomes that differ; CHUNKS says whether the chunks were the same too."""
    before, after = expected.seen, actual.seen
    if before != after:
        pairs = itertools.zip_longest(before, after)
        at, (one, other) = next((n, x) for n, x in enumerate(pairs) if x[0] != x[1])
        raise Difference(f"{name}: event {at} differs{_lines(one, other)}")
    if chunks and [x.chunk for x in before] != [x.chunk for x in after]:
        raise Difference(f"{name}: an event comes after another chunk")
    for one, other in itertools.zip_longest(expected.ends, actual.ends):
        if one != other:
            raise Difference(f"{name}: the end differs{_lines(one, other)}")


def _lines(one: object, other: object) -> str:
    texts = [x.text if isinstance(x, _Seen) else str(x) for x in (one, other)]
    at = next((n for n, (x, y) in enumerate(zip(*texts, strict=False)) if x != y), 0)
    quoted = [f"{x[:100]} ... {x[max(0, at - 60) : at + 400]}" for x in texts]
    return f" at character {at}\nordinary path:\n  {quoted[0]}\nfast paths:\n  {quoted[1]}"


def _kept(outcome: _Outcome, wants: Wants) -> _Outcome:
    """Return OUTCOME without the events that nobody wants."""
    seen = [x for x in outcome.seen if x.event_class is None or wants(x.event_class)]
    return _Outcome(seen, outcome.ends)


def compare(take: Take, seed: int, figures: Figures) -> None:
    """Read TAKE on both paths; SEED decides on the cuts, and on what somebody wants.

    Raises:
        Difference: They differ.
        Exception: Any other exception is one that came out of the library.
    """
    figures.streams += 1
    chance = random.Random(seed)

    def cut(name: str) -> list[Sequence[bytes]]:
        return [_CUTS[name](part.data, chance) for part in take.parts]

    framed = cut("by the frame")
    deep = sum(map(len, framed)) < _FEW
    ordinary = _read(take, framed, fast=False, deep=deep)
    fast = _read(take, framed, fast=True, deep=deep)
    _same("by the frame", ordinary, fast, chunks=True)
    plain = _Outcome([x for x in ordinary.seen if x.event_class is not None], ordinary.ends)
    name, wants = chance.choice(list(_CUTS)[1:]), chance.choice(WANTED)
    kind = chance.choice(("all", "wanted by the frame", "wanted", "changing", "changing"))
    if kind == "all":
        _same(name, plain, _read(take, cut(name), fast=True))
    elif kind == "wanted by the frame":
        some = _read(take, framed, [wants], fast=True, deep=deep)
        _same("what is wanted, by the frame", _kept(ordinary, wants), some, chunks=True)
    elif kind == "wanted":
        some = _read(take, cut(name), [wants], fast=True)
        _same(f"what is wanted, {name}", _kept(plain, wants), some)
    else:
        name, scribbles = chance.choice(list(_CUTS)), chance.random() < 0.3
        turns = chance.choices([*WANTED, None, None], k=chance.randint(2, 3))
        chunks = cut(name)
        one, other = (
            _read(take, chunks, turns, fast=x, scribbles=scribbles) for x in (False, True)
        )
        _same(f"what is wanted changes, {name}", one, other, chunks=True)
    figures.decodes += 4 if kind == "changing" else 3
    figures.events += len(ordinary.seen)
    for found, count in (
        (figures.frames, ordinary.decoded),
        (figures.folded, ordinary.decoded - fast.decoded),
    ):
        found[take.wire] = found.get(take.wire, 0) + count
    figures.failed += not ordinary.ends[-1].startswith("None")
