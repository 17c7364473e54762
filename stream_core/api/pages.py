"""Lists, one page at a time.

Rules of this file: iterating over a page yields its objects and sends nothing; only
``next_page`` and ``iter_all`` ask the server. :class:`PageData` decides what follows a page,
without I/O; :class:`Page` is the blocking shell around it. A list whose pages lead in a circle, or
go on without an object, is an error: its end would never come, and what it lacks is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from attrs import evolve, field, frozen

from stream_core.convert.payloads import structure
from stream_core.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_core.effects import Flow

__all__ = ["Page", "PageData", "read_page"]

T = TypeVar("T")

#: So many pages in a row may have no object, though more are said to follow: a server that filters
#: a page after it was cut gives a few.
_EMPTY_PAGES = 10


@frozen(eq=False)
class PageData(Generic[T]):
    """One page of a list as the server sent it, and how to ask for the next one.

    Attributes:
        data: The objects.
        first_id: Id of the first object, or None.
        last_id: Id of the last object, or None.
        has_more: Whether the server says that more objects follow.
    """

    data: list[T]
    first_id: str | None
    last_id: str | None
    has_more: bool
    _fetch: Callable[[str], Flow[PageData[T]]] = field(repr=False)
    # The cursors and the last objects of this page and those before it, and how many of the last
    # pages had no object.
    _seen: frozenset[str] = field(default=frozenset(), repr=False)
    _empty: int = field(default=0, repr=False)

    def following(self) -> Flow[PageData[T] | None]:
        """Ask for the page after this one.

        Returns:
            The page, or None if there is none. The server must have stated both that there is
            more and the id after which it begins.

        Raises:
            DecodeError: The page repeats one before it, or pages go on without objects, or the id
                is not a string.
        """
        if not self.has_more or self.last_id is None:
            return None
        cursor = cast("object", self.last_id)  # as sent
        if not isinstance(cursor, str):
            raise DecodeError(f"the list goes on after {cursor!r}, which is not an id")
        page = yield from self._fetch(self.last_id)
        seen = self._seen.union([self.last_id], _ids(self.data)[-1:])
        repeated = seen.intersection([*_ids(page.data), *([page.last_id] if page.has_more else [])])
        if repeated:
            raise DecodeError(f"the pages of the list repeat: {min(repeated)!r} came before")
        empty = 0 if page.data else self._empty + 1
        if empty == _EMPTY_PAGES and page.has_more:
            raise DecodeError(f"the list goes on after {empty} pages without an object")
        return evolve(page, seen=seen, empty=empty)


class Page(Generic[T]):
    """One page of a list.

    Attributes:
        data: The objects.
        first_id: Id of the first object, or None.
        last_id: Id of the last object, or None.
        has_more: Whether the server says that more objects follow.
    """

    __slots__ = ("_drive", "_page", "data", "first_id", "has_more", "last_id")

    def __init__(self, page: PageData[T], drive: Callable[[Flow[Any]], Any]) -> None:
        """Wrap PAGE.

        Args:
            page: The page as the server sent it.
            drive: Runs a flow to its end and returns its result.
        """
        self.data, self.has_more = page.data, page.has_more
        self.first_id, self.last_id = page.first_id, page.last_id
        self._page, self._drive = page, drive

    def __iter__(self) -> Iterator[T]:
        """Iterate over the objects on this page."""
        return iter(self.data)

    def __len__(self) -> int:
        """Return the number of objects on this page."""
        return len(self.data)

    def __repr__(self) -> str:
        """Return a string that shows the objects."""
        ends = f"first_id={self.first_id!r}, last_id={self.last_id!r}, has_more={self.has_more}"
        return f"Page(data={self.data!r}, {ends})"

    def next_page(self) -> Page[T] | None:
        """Ask for the page after this one.

        Returns:
            The page, or None if there is none. The server must have stated both that there is
            more and the id after which it begins.

        Raises:
            StreamError: The request failed.
            DecodeError: The page repeats one before it, or the pages go on without objects.
        """
        following: PageData[T] | None = self._drive(self._page.following())
        return None if following is None else Page(following, self._drive)

    def iter_all(self) -> Iterator[T]:
        """Iterate over the objects on this page and all later ones, which are asked for as needed.

        Raises:
            StreamError: A request failed.
            DecodeError: The pages lead in a circle, or go on without objects.
        """
        page: Page[T] | None = self
        while page is not None:
            yield from page.data
            page = page.next_page()


def read_page(cls: type[T], answer: Any, fetch: Callable[[str], Flow[PageData[T]]]) -> PageData[T]:
    """Make a page from a JSON value.

    Args:
        cls: The class of the objects.
        answer: The server's answer.
        fetch: Asks for the page after the object with the given id.

    Raises:
        DecodeError: The answer is not a list of such objects.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise DecodeError("the answer is not a list: expected an object with a list `data`")
    data = [_item(cls, number, value) for number, value in enumerate(answer["data"])]
    more = bool(answer.get("has_more"))
    return PageData(data, answer.get("first_id"), answer.get("last_id"), more, fetch)


def _item(cls: type[T], number: int, value: Any) -> T:
    """Make a CLS from an item of the list."""
    try:
        return structure(cls, value)
    except DecodeError as error:
        paths = [path.replace("$", f"$.data[{number}]", 1) for path in error.paths]
        raise DecodeError(f"the answer is not a list of {cls.__name__}", paths=paths) from error


def _ids(data: list[Any]) -> list[str]:
    """Return the ids of objects, as far as they have one."""
    return [found for one in data if (found := getattr(one, "id", None))]
