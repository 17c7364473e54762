"""Lists, one page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from stream_core.api.pages import Page, PageData, read_page
from stream_core.effects import immediate
from stream_core.errors import DecodeError
from stream_core.models import Message
from tests.support.flows import play

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_core.effects import Flow


class Shelf:
    """Messages on a server that sends two at a time and counts its requests."""

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)
        self.asked: list[str] = []

    def first(self) -> Page[Message]:
        return Page(self._page(0), play)

    def _after(self, after: str) -> Flow[PageData[Message]]:
        self.asked.append(after)
        return immediate(self._page(self.ids.index(after) + 1))

    def _page(self, start: int) -> PageData[Message]:
        ids = self.ids[start : start + 2]
        answer = {
            "object": "list",
            "data": [{"id": x, "role": "user"} for x in ids],
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
            "has_more": start + 2 < len(self.ids),
        }
        return read_page(Message, answer, self._after)


def never(after: str) -> Flow[PageData[Message]]:
    """Fail, because nothing should be asked for."""
    raise AssertionError(after)


def test_a_page_has_typed_objects_and_its_ends() -> None:
    """The objects are payloads; the ids of the first and last can be used to ask for more."""
    page = Shelf("a", "b", "c").first()
    assert [Message(id="a", role="user"), Message(id="b", role="user")] == page.data
    assert ("a", "b", True) == (page.first_id, page.last_id, page.has_more)
    assert 2 == len(page)


def test_iterating_a_page_sends_nothing() -> None:
    """It yields only the objects on the page, and does so again the second time."""
    shelf = Shelf("a", "b", "c")
    page = shelf.first()
    assert ["a", "b"] == [x.id for x in page] == [x.id for x in page]
    assert [] == shelf.asked


def test_all_pages_are_iterated_as_needed() -> None:
    """The next page is asked for after the last object of the current one was taken."""
    shelf = Shelf("a", "b", "c", "d", "e")
    everything = shelf.first().iter_all()
    assert ["a", "b"] == [next(everything).id, next(everything).id]
    assert [] == shelf.asked
    assert ["c", "d", "e"] == [x.id for x in everything]
    assert ["b", "d"] == shelf.asked


def test_the_next_page_comes_after_the_last_object() -> None:
    """After the last page there is no other."""
    page = Shelf("a", "b", "c").first().next_page()
    assert page is not None
    assert ["c"] == [x.id for x in page]
    assert page.next_page() is None


@pytest.mark.parametrize("answer", [{"data": []}, {"data": [], "has_more": True}])
def test_an_empty_page_is_the_last(answer: Any) -> None:
    """If a server says that more objects follow an empty page, it is not asked."""
    page = Page(read_page(Message, answer, never), play)
    assert (None, None, 0) == (page.first_id, page.last_id, len(page))
    assert page.next_page() is None
    assert [] == list(page.iter_all())


def test_a_server_that_repeats_itself_is_not_asked_for_ever() -> None:
    """A page that came before is not a new page, and what the list has beside it is not known."""
    answer = {"data": [{"id": "a"}], "last_id": "a", "has_more": True}

    def same(_: str) -> Flow[PageData[Message]]:
        return immediate(read_page(Message, answer, same))

    page = Page(read_page(Message, answer, same), play)
    found = page.iter_all()
    assert "a" == next(found).id
    with pytest.raises(DecodeError, match="the pages of the list repeat: 'a' came before"):
        next(found)


class Endless:
    """Pages that always say that more follow, each made by a function of the page's number."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make, self.asked = make, 0

    def page(self, _: str = "") -> Flow[PageData[Message]]:
        self.asked += 1
        answer = {"has_more": True, **self.make(self.asked)}
        return immediate(read_page(Message, answer, self.page))

    def first(self) -> Page[Message]:
        return Page(play(self.page()), play)


@pytest.mark.parametrize(
    ("make", "asked"),
    [
        (lambda number: {"data": [{"id": f"m{number % 2}"}], "last_id": f"m{number % 2}"}, 3),
        (lambda number: {"data": [{"id": "m"}], "last_id": f"cursor{number}"}, 2),
        (lambda number: {"data": [{"id": f"m{number}"}], "last_id": f"c{number % 2}"}, 3),
        (lambda number: {"data": [], "last_id": f"cursor{number}"}, 11),
    ],
    ids=["two pages in a circle", "new cursors, same objects", "same cursors", "no objects"],
)
def test_pages_that_never_end_are_an_error(make: Callable[[int], Any], asked: int) -> None:
    """Whether cursors or objects come again, or none come at all."""
    endless = Endless(make)
    with pytest.raises(DecodeError, match=r"the pages of the list repeat|goes on after 10 pages"):
        list(endless.first().iter_all())
    assert asked == endless.asked


def test_a_page_can_be_asked_for_twice() -> None:
    """What was seen is that of the pages before, not of an earlier question."""
    page = Shelf("a", "b", "c", "d", "e").first()
    assert [x.id for x in page.iter_all()] == [x.id for x in page.iter_all()]


def test_a_last_page_may_repeat_the_cursor() -> None:
    """It has no object, and says that nothing follows."""
    last = {"data": [], "last_id": "b", "has_more": False}
    page = read_page(Message, {"data": [{"id": "b"}], "last_id": "b", "has_more": True}, never)
    page = attrs.evolve(page, fetch=lambda _: immediate(read_page(Message, last, never)))
    assert ["b"] == [x.id for x in Page(page, play).iter_all()]


def test_a_cursor_that_is_not_an_id_is_an_error() -> None:
    """No question can be made of it."""
    page = read_page(Message, {"data": [], "last_id": {"a": 1}, "has_more": True}, never)
    with pytest.raises(DecodeError, match=r"goes on after \{'a': 1\}, which is not an id"):
        Page(page, play).next_page()


@pytest.mark.parametrize("answer", [{}, [], None, "x", {"data": None}, {"data": {"id": "a"}}])
def test_an_answer_that_is_no_list_is_a_decode_error(answer: Any) -> None:
    """An object of another shape does not become an empty page."""
    with pytest.raises(DecodeError, match="not a list"):
        read_page(Message, answer, never)


def test_a_wrong_object_is_named_by_its_place() -> None:
    """The path begins at the answer, not at the object."""
    answer = {"data": [{"id": "a"}, {"id": 5}]}
    with pytest.raises(DecodeError, match="not a list of Message") as caught:
        read_page(Message, answer, never)
    assert ("$.data[1].id: 5 is not a string",) == caught.value.paths


def test_the_representation_shows_the_objects() -> None:
    """It does not show how the next ones are asked for."""
    page = Page(read_page(Message, {"data": [{"id": "a"}]}, never), play)
    assert repr(page).startswith("Page(data=[Message(id='a'")
    assert "fetch" not in repr(page)
