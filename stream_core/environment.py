"""Settings from environment variables, read once at import.

- ``UNTIL_DONE_FAST=0`` turns every fast path off, for tests and for troubleshooting: the results
  are the same, only slower.
- ``UNTIL_DONE_JSON=stdlib`` does not use orjson even if it is installed.
"""

from __future__ import annotations

import os

__all__ = ["FAST", "STDLIB_JSON"]

#: Whether fast paths are used.
FAST = os.environ.get("UNTIL_DONE_FAST", "1") != "0"

#: Whether the standard library parses JSON even if orjson is installed.
STDLIB_JSON = os.environ.get("UNTIL_DONE_JSON", "") == "stdlib"
