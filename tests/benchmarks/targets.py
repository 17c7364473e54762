"""The ratios and limits to reach: at least, and the stretch that scratch code reached.

Ratios have their goals per wire and stream. Absolute times drift with the machine; ratios of one
run hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from tests.benchmarks.streams import LENGTHS, MAIN

__all__ = ["LIMITS", "RATIOS", "Limit", "Ratio", "mark"]

#: Case to what must be reached on it, and what is hoped for.
Goals: TypeAlias = Mapping[str, tuple[float, float]]


class Ratio(NamedTuple):
    """One row of the tables of ratios: the time of OVER divided by that of UNDER.

    Attributes:
        title: What the row is called.
        over: The key of the contestant whose time is divided.
        under: The key of the contestant by whose time it is divided.
        goals: Wire to what is to be reached.
        smaller_is_better: Whether the figures are upper limits.
    """

    title: str
    over: str
    under: str
    goals: Mapping[str, Goals] = MappingProxyType({})
    smaller_is_better: bool = False


def _main(*goals: tuple[float, float] | None) -> dict[str, tuple[float, float]]:
    """Put GOALS to the main streams, in their order: S, L, T, M, L64."""
    return {name: goal for name, goal in zip(MAIN, goals, strict=False) if goal is not None}


def _kind(kind: str, *goals: tuple[float, float] | None) -> dict[str, tuple[float, float]]:
    """Put GOALS to L, S, L64 of a KIND."""
    pairs = zip(LENGTHS, goals, strict=False)
    return {f"{length}-{kind}": goal for length, goal in pairs if goal is not None}


RATIOS: Final = (
    Ratio(
        "× faster than openai-python's helper", "openai", "ours",
        {
            "assistants": _main((32, 40), (40, 50), (25, 60), (18, 25)),
            "responses": _main((20, 28), (38, 50), None, (13, 20)),
            "chat": {
                **_main((35, 50), (65, 85), None, (15, 24)),
                **_kind("arguments", (65, 85)),
            },
        },
    ),
    Ratio(
        "the same with `on_event` given every event in full", "openai", "ours-on-event",
        {"assistants": _main((20, 35), (20, 45), (20, 45), (15, 25))},
    ),
    Ratio("the same, openai-python without its request", "openai-parse", "ours"),
    Ratio("plain iteration, × faster than openai-python's", "openai-iterate", "ours-iterate"),
    Ratio(
        "× faster than azure-ai-agents", "azure", "ours",
        {"assistants": _main((15, 35), (15, 50), (15, 35), (10, 12))},
    ),
    Ratio("× faster than pydantic-ai", "pydantic-ai", "ours"),
    Ratio(
        "× faster than openai-node", "openai-node", "ours",
        {"assistants": _main((3, 6), (3, 9), (3, 7), (10, 14))},
    ),
    Ratio("× the untyped httpx-sse + dict script", "httpx-sse", "ours"),
    Ratio(
        "× the untyped requests + dict script", "requests", "ours",
        {
            "assistants": _main((1.6, 1.8), (1.9, 2.2), (1, 1.8), (0.63, 0.8), (1.6, 1.9)),
            "responses": {
                **_main((0.95, 1.2), (1.35, 1.6), None, (0.28, 0.4), (1.3, 1.5)),
                **_kind("arguments", (1.2, 1.4), (0.9, 1.1), (1.15, 1.35)),
                **_kind("reasoning", (1.2, 1.4), (0.9, 1.1), (1.15, 1.35)),
                **_kind("logprobs", (1.15, 1.3), (0.85, 1), (1.1, 1.2)),
            },
            "chat": {
                **_main((1.2, 1.6), (1.8, 2.3), None, (0.33, 0.45), (1.6, 2)),
                **_kind("arguments", (1.8, 2.3), (1.2, 1.6), (1.6, 2)),
                **_kind("reasoning", (1.6, 1.9), (1.2, 1.4), (1.5, 1.7)),
                **_kind("logprobs", (1.4, 1.6), (1, 1.2)),
                **_kind("crlf", (1.8, 2.2), (1, 1.2)),
                **_kind("usage", (1, 1.2), (1, 1.2)),
            },
        },
    ),
    Ratio(
        "`on_event` given every event in full, × the requests + dict script",
        "requests", "ours-on-event",
        {
            "assistants": _main((0.7, 0.85), (1.2, 1.4)),
            "responses": _main((0.7, 0.85), (0.9, 1)),
            "chat": _main((0.7, 0.85), (1.1, 1.4)),
        },
    ),
    Ratio(
        "time over the orjson floor", "ours", "floor-orjson",
        {"assistants": _main((4, 1.7), (4, 1), (4, 1.7), (6, 3.5))},
        smaller_is_better=True,
    ),
    Ratio("time over the `json.loads` floor", "ours", "floor-json", smaller_is_better=True),
    Ratio("× faster than itself with the fast paths off", "ours-ordinary", "ours"),
    Ratio("with orjson, × faster than without", "ours", "ours-orjson"),
)  # fmt: skip


class Limit(NamedTuple):
    """An upper limit of another part.

    Attributes:
        title: What the row is called.
        at_least: What must be reached.
        stretch: What is hoped for.
        unit: Written behind the figures.
    """

    title: str
    at_least: float
    stretch: float
    unit: str = ""


LIMITS: Final = {
    "scaling": Limit("cost per event at 200,000 deltas over cost at 2,000", 1.3, 1.05),
    "scaling-read": Limit("the same, a handler reading `snapshot.value` at each delta", 1.3, 1.05),
    "handlers": Limit(
        "100 handlers of which 1 overrides `on_text_delta`, over 1 handler", 1.3, 1.1
    ),
    "lock-step": Limit(
        "software cost per event in lock-step, over a bare socket read", 25, 10, "µs"
    ),
    "p50": Limit("send → callback over a raw socket, events 5 ms apart, p50", 150, 90, "µs"),
    "p99": Limit("the same, p99", 300, 150, "µs"),
    "buffering": Limit("delay of an event caused by buffering", 0, 0, "events held back"),
    "traced": Limit("peak of traced memory on L", 4, 2, "MB"),
    "resident": Limit("peak memory of 200,000 deltas, over 3 × their text", 20, 20, "MB"),
    "streams-cpu": Limit("CPU per event, 200 streams in threads at 20 events/s", 120, 75, "µs"),
    "streams-memory": Limit("memory per stream, 200 streams in threads", 150, 100, "KiB"),
    "import": Limit(
        "import `stream_core, handlers` where `import requests` takes 105 ms", 110, 75, "ms"
    ),
    "connections": Limit("TCP connections for 100 runs one after the other", 1, 1),
}  # fmt: skip


def mark(figure: float, at_least: float, stretch: float, *, smaller_is_better: bool) -> str:
    """Return the mark of FIGURE, as it is printed: ``✓✓`` stretch, ``✓`` at least, or ``✗``."""
    shown = float(short(figure))
    sign = -1 if smaller_is_better else 1
    if sign * shown >= sign * stretch:
        return "✓✓"
    return "✓" if sign * shown >= sign * at_least else "✗"


def short(figure: float) -> str:
    """Write FIGURE with as many places as it deserves; a count has none."""
    if isinstance(figure, int) or abs(figure) >= 100:
        return f"{figure:.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"
