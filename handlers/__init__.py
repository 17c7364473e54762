"""Typed events become method calls.

In import order:

- ``handlers.routes``: ``ROUTES``, the table: event class -> callback and its arguments.
- ``handlers.checks``: finds mistakes in a handler class when it is defined.
- ``handlers.machinery``: turns a class with such a table into calls.
- ``handlers.base``: :class:`EventHandler`, the class to subclass; one empty method per event.
- ``handlers.azure``: :class:`AgentEventHandler`, the same with azure-ai-agents' callbacks.
- ``handlers.text``: :class:`TextAccumulatorMixin` keeps the text of the answer;
  :class:`TextAccumulator` is a handler that does only that.

``stream_core`` does not import this package: to it, a handler is any object with
``handle(event)``.
"""

from .azure import AGENT_ROUTES, AgentEventHandler
from .base import EventHandler
from .routes import ROUTES, Route
from .text import TextAccumulator, TextAccumulatorMixin

__all__ = [
    "AGENT_ROUTES",
    "ROUTES",
    "AgentEventHandler",
    "EventHandler",
    "Route",
    "TextAccumulator",
    "TextAccumulatorMixin",
]
