"""A real Assistants v2 server on loopback, for demos and for users' tests.

The map, in import order; only the last two need the extra ``testing`` (aiohttp)::

    validation  the values that users give, checked where they are given
    parts       parts of a responder's answer: Say, CallFunctions, RunCode, Fail ...
    pieces      cuts texts into deltas
    store       the objects: assistants, threads, messages, runs, steps
    framing     frames as bytes; Framing: chunk size, delay, chunked or close, gzip
    faults      Fault: status codes, cuts, silence
    limits      Limits: how much a server takes from its clients
    failures    what the user's code raised in the server's threads
    listening   the address, or an error that says what to do
    arguments   arguments for a function, from the user's text
    responder   Responder, Turn, and the default responder
    steps       the open step of a run
    content     the open message of a run
    tools       the tool steps of a run
    lifecycle   RunMachine: parts to wire events, sans-I/O
    checks      request bodies
    calls       RecordedRequest
    api         paths to handlers, sans-I/O
    runner      drives a run on an event loop
    sending     bytes onto a connection, also by hand
    script      scheduled recordings and faults, requests seen
    connections HTTP: requests in, answers out, whatever clients do
    server      LocalServer

``python -m stream_core.testing --help`` serves from the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .calls import RecordedRequest
from .faults import Fault
from .framing import Framing
from .limits import Limits
from .parts import (
    AskApproval,
    CallFunctions,
    Cancel,
    Expire,
    Fail,
    FileCitation,
    FilePath,
    FunctionCall,
    ListTools,
    McpCall,
    NewMessage,
    Part,
    Refuse,
    RunCode,
    Say,
    SearchFiles,
    SearchResult,
    SendError,
    ShowImage,
    ShowImageURL,
    StopShort,
    UrlCitation,
)
from .responder import Answer, DefaultResponder, Responder, ToolResult, Turn

if TYPE_CHECKING:
    from .server import LocalServer

__all__ = [
    "Answer",
    "AskApproval",
    "CallFunctions",
    "Cancel",
    "DefaultResponder",
    "Expire",
    "Fail",
    "Fault",
    "FileCitation",
    "FilePath",
    "Framing",
    "FunctionCall",
    "Limits",
    "ListTools",
    "LocalServer",
    "McpCall",
    "NewMessage",
    "Part",
    "RecordedRequest",
    "Refuse",
    "Responder",
    "RunCode",
    "Say",
    "SearchFiles",
    "SearchResult",
    "SendError",
    "ShowImage",
    "ShowImageURL",
    "StopShort",
    "ToolResult",
    "Turn",
    "UrlCitation",
]


def __getattr__(name: str) -> Any:
    """Import `LocalServer` on first use, so that everything else works without aiohttp."""
    if name == "LocalServer":
        from .server import LocalServer

        return LocalServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
