"""Payloads that several objects share: errors, usage."""

from __future__ import annotations

from typing import Any

from attrs import define

from .base import Payload

__all__ = [
    "Error",
    "IncompleteDetails",
    "LastError",
    "Usage",
]


@define(eq=False, repr=False)
class Error(Payload):
    """The payload of the server's ``error`` event."""

    NEEDED = ()

    message: str = ""
    code: str | None = None
    param: str | None = None
    type: str | None = None


@define(eq=False, repr=False)
class LastError(Payload):
    """Why a run or a step failed; ``code`` has values outside the reference."""

    NEEDED = ()

    code: str = ""
    message: str = ""


@define(eq=False, repr=False)
class IncompleteDetails(Payload):
    """Why a run or a message is incomplete, e.g. ``max_completion_tokens``."""

    NEEDED = ()

    reason: str | None = None


@define(eq=False, repr=False)
class Usage(Payload):
    """The tokens used; details are as sent (the wire has two spellings)."""

    NEEDED = ()

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: dict[str, Any] | None = None
    prompt_token_details: dict[str, Any] | None = None
    completion_tokens_details: dict[str, Any] | None = None
