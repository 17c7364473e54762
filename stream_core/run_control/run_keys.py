"""The key by which a run is found again whose id was never seen.

Rules of this file:

- The key is in the run's metadata, so only the run that this request made has it. Neither the time
  of a run nor its place among others says whose it is: another client may have made it.
- Metadata of the caller's stays as it is.
- Two runs with one key are an error: the request was sent twice, and either may be meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from stream_core.effects import Wait
from stream_core.errors import StreamError

from .polling import TRIES, persist

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.api.pages import PageData
    from stream_core.effects import Flow
    from stream_core.models import Run

__all__ = ["RUN_KEY", "find_run", "put_key"]

#: The name of the key in the metadata of a run.
RUN_KEY = "until_done_request"

#: The most pairs that metadata can have.
_MOST_PAIRS = 16

#: So many pages of the newest runs are looked through.
_PAGES = 10

#: Seconds until the list is read again, at first: a run may be in it only after a moment.
_PAUSE = 0.2


def put_key(body: dict[str, Any]) -> str:
    """Add a new key to the metadata in BODY, that of a request which makes a run; return it.

    Raises:
        ValueError: The metadata is full, has such a key already, or is not a mapping.
    """
    given = body.get("metadata")
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ValueError(f"metadata is {given!r}: run_keys needs a mapping of strings")  # noqa: TRY004  # a value
    if RUN_KEY in given:
        raise ValueError(
            f"metadata has {RUN_KEY!r} already, which run_keys sets: leave it out, for example "
            "if the metadata is that of another run"
        )
    if len(given) >= _MOST_PAIRS:
        raise ValueError(
            f"metadata has {len(given)} pairs, and {_MOST_PAIRS} are the most: run_keys needs one "
            "of them; leave one out, or pass run_keys=False"
        )
    key = uuid4().hex
    body["metadata"] = {**given, RUN_KEY: key}
    return key


def find_run(key: str, ask: Callable[[], Flow[PageData[Run]]]) -> Flow[Run | None]:
    """Return the run that has KEY, or None if none of the newest runs has it.

    Args:
        key: What :func:`put_key` returned.
        ask: Asks for the first page of runs, the newest first.

    Raises:
        StreamError: The server could not be asked, or two runs have the key.
    """
    pause = _PAUSE
    for _ in range(TRIES - 1):
        found = yield from _look(key, ask)
        if found is not None or (yield Wait(pause)):
            return found
        pause *= 2
    return (yield from _look(key, ask))


def _look(key: str, ask: Callable[[], Flow[PageData[Run]]]) -> Flow[Run | None]:
    """Look through the list once."""
    page: PageData[Run] | None = yield from persist(ask)
    for _ in range(_PAGES):
        found = [] if page is None else [x for x in page.data if x.metadata.get(RUN_KEY) == key]
        if len(found) > 1:
            names = ", ".join(run.id for run in found)
            raise StreamError(f"two runs have the key of one request: {names}")
        if found or page is None:
            return next(iter(found), None)
        page = yield from persist(page.following)
    return None
