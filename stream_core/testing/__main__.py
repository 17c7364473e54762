"""``python -m stream_core.testing``: serve from the command line until Ctrl-C.

Rules of this file:

- It only reads arguments and prints; the server is `LocalServer`, which checks them.
- What goes wrong is one line on stderr and exit status 2, never a traceback.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

__all__ = ["main"]


_PROGRAM = "python -m stream_core.testing"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Serve an Assistants v2 API on loopback: in memory, without a model.",
    )
    parser.add_argument("--version", action="version", version=f"until-done {_version()}")
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


def _version() -> str:
    """Return the version that is installed; a source tree on the path has none."""
    try:
        return version("until-done")
    except PackageNotFoundError:
        return "(not installed)"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command talks on stdout


def main(arguments: Sequence[str] | None = None, stop: threading.Event | None = None) -> int:
    """Serve until Ctrl-C.

    Args:
        arguments: The command line's arguments; None means the process's own.
        stop: Also ends the server once it is set.

    Returns:
        The exit status.

    Raises:
        SystemExit: With status 2 and a line on stderr, if it cannot serve: an argument is
            wrong, a recording cannot be read, the port is in use, aiohttp is missing.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        _serve(given, stop or threading.Event())
    except KeyboardInterrupt:
        _say("Stopped.")
    except (ImportError, OSError, TypeError, ValueError) as error:
        parser.exit(2, f"{_PROGRAM}: error: {_sentence(error)}\n")
    return 0


def _serve(given: argparse.Namespace, stop: threading.Event) -> None:
    """Serve until ``stop`` is set."""
    from stream_core.testing import Framing, LocalServer
    from stream_core.testing.script import read_recording

    framing = Framing(chunk_size=given.chunk_size, delay=given.pace)
    recordings = [(file, read_recording(file)) for file in given.recording]
    with LocalServer(framing=framing, api_key=given.api_key, port=given.port) as server:
        _say(f"Serving at {server.base_url} until Ctrl-C. For a client:")
        key = given.api_key or "any"
        _say(f"export OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY={key}")
        for file, data in recordings:
            url = server.add_recording(data, chunk_size=given.chunk_size, delay=given.pace)
            _say(f"{file}: {url}")
        stop.wait()


#: Arguments of the API, as they are called on the command line.
_OPTIONS = {
    "Framing(delay=...)": "--pace",
    "Framing(chunk_size=...)": "--chunk-size",
    "LocalServer(port=...)": "--port",
    "LocalServer(api_key=...)": "--api-key",
    "pass port=": "pass --port ",
}


def _sentence(error: Exception) -> str:
    """Return an error's text, with the options instead of the arguments."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    for argument, option in _OPTIONS.items():
        text = text.replace(argument, option)
    return text


if __name__ == "__main__":
    sys.exit(main())
