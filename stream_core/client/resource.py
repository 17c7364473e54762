"""The base of the calls of ``Client``: send a request, return an object or a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from stream_core.api.pages import Page
from stream_core.api.request import ask, ask_list, make_options
from stream_core.streams.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_core.http.transport import Options, Transport

__all__ = ["Resource"]

T = TypeVar("T")


class Resource:
    """One kind of object; made by ``Client``."""

    #: Sent with each request, unless the client or the caller overrides them.
    _headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._driver = Driver(transport)

    def _ask(
        self, cls: type[T], method: str, path: str, known: Any, given: Any, **required: Any
    ) -> T:
        """Send a request whose answer is a CLS; see :func:`stream_core.api.request.ask`."""
        return self._driver.run(
            ask(cls, method, path, known, given, headers=self._headers, **required)
        )

    def _list(self, cls: type[T], path: str, known: Any, given: Mapping[str, Any]) -> Page[T]:
        """Send a request whose answer is a list of CLS."""
        flow = ask_list(cls, path, known, given, headers=self._headers)
        return Page(self._driver.run(flow), self._driver.run)

    def _options(
        self, method: str, known: Any, given: Mapping[str, Any], required: Mapping[str, Any]
    ) -> Options:
        """Return the parts of a request; see :func:`stream_core.api.request.make_options`."""
        return make_options(method, known, given, required, headers=self._headers)
