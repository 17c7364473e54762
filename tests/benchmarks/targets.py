"""The ratios and limits to reach: at least, and the stretch that scratch code reached.

Rows of ratios are per stream, in the order S, L, T, M. Absolute times drift with the machine;
ratios of one run hold.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

__all__ = ["LIMITS", "RATIOS", "Limit", "Ratio", "mark"]

Four: TypeAlias = tuple[float, float, float, float]


class Ratio(NamedTuple):
    """One row of the table of ratios: the time of OVER divided by that of UNDER.

    Attributes:
        title: What the row is called.
        over: The key of the contestant whose time is divided.
        under: The key of the contestant by whose time it is divided.
        at_least: For S, L, T, M what must be reached; None where nothing is demanded.
        stretch: What is hoped for.
        smaller_is_better: Whether the figures are upper limits.
    """

    title: str
    over: str
    under: str
    at_least: Four | None = None
    stretch: Four | None = None
    smaller_is_better: bool = False


RATIOS: Final = (
    Ratio(
        "× faster than openai-python's handler", "openai", "ours",
        (25, 25, 25, 20), (50, 70, 60, 30),
    ),
    Ratio(
        "the same with `on_event` given every event in full", "openai", "ours-on-event",
        (20, 20, 20, 15), (35, 45, 45, 25),
    ),
    Ratio("the same, openai-python without its request", "openai-parse", "ours"),
    Ratio("plain iteration, × faster than openai-python's", "openai-iterate", "ours-iterate"),
    Ratio("× faster than azure-ai-agents", "azure", "ours", (15, 15, 15, 10), (35, 50, 35, 12)),
    Ratio("× faster than openai-node", "openai-node", "ours", (3, 3, 3, 10), (6, 9, 7, 14)),
    Ratio("× the untyped httpx-sse + dict script", "httpx-sse", "ours"),
    Ratio(
        "× the untyped requests + dict script", "requests", "ours", (1, 1, 1, 0.8), (2, 3, 1.8, 1.1)
    ),
    Ratio(
        "time over the orjson floor", "ours", "floor-orjson", (4, 4, 4, 6), (1.7, 1.0, 1.7, 3.5),
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
