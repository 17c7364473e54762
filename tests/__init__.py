"""The test suite: rooms as in stream_core, one module for each source module.

``support/`` has what several test modules share, ``whole/`` tests across rooms, ``house/`` tests of
the house itself: layers, layout, exports, packaging, documents.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: The folder of the project.
ROOT: Final = Path(__file__).resolve().parents[1]
