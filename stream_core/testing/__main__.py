"""``python -m stream_core.testing``: serve from the command line until Ctrl-C.

Rules of this file:

- It only reads arguments and prints; the server is `LocalServer`.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence

from stream_core.testing import Framing, LocalServer

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stream_core.testing",
        description="Serve an Assistants v2 API on loopback: in memory, without a model.",
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free port")
    parser.add_argument(
        "--recording",
        action="append",
        default=[],
        metavar="FILE",
        help="a recorded stream to serve at a URL of its own; may be repeated",
    )
    parser.add_argument(
        "--pace", type=float, default=0.0, metavar="S", help="seconds between two frames or chunks"
    )
    parser.add_argument(
        "--chunk-size",
        type=int,
        default=None,
        metavar="N",
        help="bytes per write; default: a frame",
    )
    parser.add_argument("--api-key", metavar="K", help="demand this key; default: accept any")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command talks on stdout


def main(arguments: Sequence[str] | None = None, stop: threading.Event | None = None) -> int:
    """Serve until Ctrl-C.

    Args:
        arguments: The command line's arguments; None means the process's own.
        stop: Also ends the server once it is set.

    Returns:
        The exit status.
    """
    given = _parser().parse_args(arguments)
    framing = Framing(chunk_size=given.chunk_size, delay=given.pace)
    server = LocalServer(framing=framing, api_key=given.api_key, port=given.port)
    try:
        with server:
            _say(f"Serving at {server.base_url} until Ctrl-C. For a client:")
            key = given.api_key or "any"
            _say(f"export OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY={key}")
            for file in given.recording:
                url = server.add_recording(file, chunk_size=given.chunk_size, delay=given.pace)
                _say(f"{file}: {url}")
            (stop or threading.Event()).wait()
    except KeyboardInterrupt:
        _say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
