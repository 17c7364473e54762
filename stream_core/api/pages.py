"""Lists, one page at a time.

Iterating a page gives what is on it and sends nothing; only ``next_page`` and ``iter_all``
ask the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field

from stream_core.convert.payloads import structure
from stream_core.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Page", "read_page"]

T = TypeVar("T")


@define(eq=False)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        data: The objects.
        first_id: The id of the first one, or None.
        last_id: The id of the last one, or None.
        has_more: Whether the server says that there are more after it.
    """

    data: list[T]
    first_id: str | None
    last_id: str | None
    has_more: bool
    _fetch: Callable[[str], Page[T]] = field(repr=False)

    def __iter__(self) -> Iterator[T]:
        """Iterate over the objects on this page."""
        return iter(self.data)

    def __len__(self) -> int:
        """Return the number of objects on this page."""
        return len(self.data)

    def next_page(self) -> Page[T] | None:
        """Ask for the page after this one.

        Returns:
            The page, or None when there is none: without an error a server has to say that
            there is more, and after what.

        Raises:
            StreamError: The request failed.
        """
        if not self.has_more or self.last_id is None:
            return None
        page = self._fetch(self.last_id)
        # Some servers know no `after`: the same page again would come for ever.
        return None if page.last_id == self.last_id else page

    def iter_all(self) -> Iterator[T]:
        """Iterate over the objects on this page and on all after it, asked for as needed.

        Raises:
            StreamError: A request failed.
        """
        page: Page[T] | None = self
        while page is not None:
            yield from page.data
            page = page.next_page()


def read_page(cls: type[T], answer: Any, fetch: Callable[[str], Page[T]]) -> Page[T]:
    """Make a page of a JSON value.

    Args:
        cls: What the list has.
        answer: The server's answer.
        fetch: Asks for the page after the object with the id given.

    Raises:
        DecodeError: The answer is no list of these.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise DecodeError("the answer is not a list: it is no object with a list `data`")
    data = [_item(cls, number, value) for number, value in enumerate(answer["data"])]
    more = bool(answer.get("has_more"))
    return Page(data, answer.get("first_id"), answer.get("last_id"), more, fetch)


def _item(cls: type[T], number: int, value: Any) -> T:
    """Make a CLS of an item of the list."""
    try:
        return structure(cls, value)
    except DecodeError as error:
        paths = [path.replace("$", f"$.data[{number}]", 1) for path in error.paths]
        raise DecodeError(f"the answer is not a list of {cls.__name__}", paths=paths) from error
