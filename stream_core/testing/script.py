"""The answers that a test has scheduled, and the requests that arrived.

Rules of this file:

- Thread safe: a test writes from its own thread, the server reads from its own.
- Each queue is first in, first out; an item that is taken is gone.
"""

from __future__ import annotations

import os
import reprlib
import threading
from collections import deque
from pathlib import Path

from attrs import field, frozen

from stream_core.http.response_head import begins_as_events

from .api import is_run_stream
from .calls import RecordedRequest
from .faults import Fault
from .framing import EVENT_STREAM, Framing
from .validation import LINE, STATUS, Check, check_items

__all__ = ["RECORDINGS", "Recording", "Script", "read_recording"]

RECORDINGS = "/recordings/"
"""The path below which recordings have their own URLs."""


@frozen
class Recording:
    """Bytes to send as they are.

    Attributes:
        data: The body.
        framing: Its framing.
        status: The HTTP status.
        content_type: The header.
    """

    data: bytes
    framing: Framing
    status: int = field(validator=STATUS)
    content_type: str = field(validator=LINE)


_RECORDING = Check(
    "the path of a file, or bytes", lambda value: isinstance(value, str | bytes | os.PathLike)
)


def read_recording(
    recording: str | os.PathLike[str] | bytes, content_type: str = EVENT_STREAM
) -> bytes:
    """Return the bytes of a recording: those of a file, or those given, unchecked.

    Raises:
        TypeError: It is neither a path nor bytes.
        ValueError: The file is not an event stream, as its content type says it is.
        OSError: The file cannot be read.
    """
    _RECORDING.check("recording", recording)
    if isinstance(recording, bytes):
        return recording
    if any(mark in os.fspath(recording) for mark in "\r\n\0"):
        raise ValueError(
            f"{reprlib.repr(recording)} is not the path of a file: "
            "to send a text as it is, pass its bytes, text.encode()"
        )
    try:
        data = Path(recording).read_bytes()
    except OSError as error:
        message = (
            f"cannot read the recording ({error.strerror}); "
            "give the path of a file that holds a stream's bytes"
        )
        raise OSError(error.errno, message, error.filename) from error
    if content_type.startswith(EVENT_STREAM.partition(";")[0]) and not begins_as_events(data):
        shown = reprlib.repr(data) if data else "it is empty"
        raise ValueError(
            f"{os.fspath(recording)!r} is not a recorded event stream ({shown}): "
            "to send it all the same, pass its bytes, or another content_type"
        )
    return data


class Script:
    """The queues of one server.

    Args:
        framing: The framing of streams for which no other is scheduled.

    Attributes:
        framing: The same; may be set at any time.
    """

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []
        self._faults: list[Fault] = []
        self._framings: deque[Framing] = deque()
        self._played: deque[Recording] = deque()
        self._recordings: dict[str, Recording] = {}  # by path

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, oldest first, as a new list."""
        with self._lock:
            return list(self._requests)

    @property
    def unused_faults(self) -> list[Fault]:
        """The faults that no answer has taken yet, as a new list."""
        with self._lock:
            return list(self._faults)

    def fail_next(self, *faults: Fault) -> None:
        """Schedule faults, one for each of the next answers."""
        check_items("fail_next", faults, Fault, "fail_next(Fault(status=500))")
        with self._lock:
            self._faults.extend(faults)

    def frame_next(self, *framings: Framing) -> None:
        """Schedule framings, one for each of the next streams."""
        check_items("frame_next", framings, Framing, "frame_next(Framing(chunk_size=7))")
        with self._lock:
            self._framings.extend(framings)

    def play(self, recording: Recording) -> None:
        """Schedule a recording for the next request for a run's events."""
        with self._lock:
            self._played.append(recording)

    def add_recording(self, recording: Recording) -> str:
        """Keep a recording; return the path of its URL."""
        with self._lock:
            path = f"{RECORDINGS}{len(self._recordings) + 1}"
            self._recordings[path] = recording
            return path

    def receive(self, request: RecordedRequest) -> tuple[int, Fault]:
        """Note a request; return its number, from 1, and its fault, which may be empty."""
        with self._lock:
            self._requests.append(request)
            for fault in self._faults:
                if fault.only in request.path:
                    self._faults.remove(fault)
                    return len(self._requests), fault
            return len(self._requests), Fault()

    def take_framing(self) -> Framing:
        """Return the framing of the stream that is about to begin."""
        with self._lock:
            return self._framings.popleft() if self._framings else self.framing

    def take_recording(self, request: RecordedRequest) -> Recording | None:
        """Return the recording that answers a request, if one does."""
        with self._lock:
            recording = self._recordings.get(request.path)
            if recording is not None:
                return recording
            if self._played and is_run_stream(request):
                return self._played.popleft()
            return None
