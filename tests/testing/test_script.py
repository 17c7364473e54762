"""Scheduled answers are taken once, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream_core.testing.calls import RecordedRequest
from stream_core.testing.faults import Fault
from stream_core.testing.framing import Framing
from stream_core.testing.script import Recording, Script, read_recording

if TYPE_CHECKING:
    from pathlib import Path

ANY = RecordedRequest("GET", "/v1/assistants")
RUN = RecordedRequest("POST", "/v1/threads/runs", body=b'{"stream": true}')


def recording(data: bytes) -> Recording:
    """A recording with these bytes."""
    return Recording(data, Framing(), 200, "text/event-stream")


def test_requests_are_numbered_and_kept() -> None:
    """The list is the caller's own."""
    script = Script(Framing())
    assert [(1, Fault()), (2, Fault())] == [script.receive(ANY), script.receive(RUN)]
    script.requests.clear()
    assert [ANY, RUN] == script.requests


def test_faults_are_taken_in_order() -> None:
    """Each request takes one; afterwards there are no faults."""
    script = Script(Framing())
    script.fail_next(Fault(status=500), Fault(status=501))
    statuses = [script.receive(ANY)[1].status for _ in range(3)]
    assert [500, 501, None] == statuses


def test_a_fault_can_wait_for_its_path() -> None:
    """Requests elsewhere get the next fault that is for them, or none."""
    script = Script(Framing())
    script.fail_next(Fault(status=500, only="/runs"), Fault(status=501))
    statuses = [script.receive(request)[1].status for request in (ANY, ANY, RUN, RUN)]
    assert [501, None, 500, None] == statuses


def test_framings_are_taken_in_order_before_the_lasting_one() -> None:
    """Afterwards streams have the usual framing."""
    script = Script(Framing(chunk_size=1))
    script.frame_next(Framing(chunk_size=2))
    assert [2, 1, 1] == [script.take_framing().chunk_size for _ in range(3)]
    script.framing = Framing(chunk_size=3)
    assert 3 == script.take_framing().chunk_size


def test_a_recording_answers_at_its_path_for_ever() -> None:
    """Each has a path of its own, and other paths have none."""
    script = Script(Framing())
    one, two = recording(b"1"), recording(b"2")
    paths = [script.add_recording(one), script.add_recording(two)]
    for _ in range(2):
        found = [script.take_recording(RecordedRequest("GET", path)) for path in paths]
        assert [one, two] == found
    assert script.take_recording(RecordedRequest("GET", "/recordings/9")) is None


def test_a_played_recording_answers_the_next_run_once() -> None:
    """Other requests do not take it."""
    script = Script(Framing())
    script.play(recording(b"1"))
    assert script.take_recording(ANY) is None
    assert recording(b"1") == script.take_recording(RUN)
    assert script.take_recording(RUN) is None


def test_a_recording_is_a_file_or_bytes(tmp_path: Path) -> None:
    """A file is read at once, so that it may be deleted."""
    file = tmp_path / "run.sse"
    file.write_bytes(b"\r\n: \x00")
    assert b"\r\n: \x00" == read_recording(file) == read_recording(str(file))
    assert b"x" == read_recording(b"x")


@pytest.mark.parametrize(
    ("data", "shown"), [(b"", "it is empty"), (b"{}", "b'{}'"), (b"\xef\xbb\xbf", "xef")]
)
def test_a_file_that_is_not_an_event_stream_is_refused(
    tmp_path: Path, data: bytes, shown: str
) -> None:
    """Unless it is said to be something else, or its bytes are passed."""
    file = tmp_path / "run.sse"
    file.write_bytes(data)
    with pytest.raises(ValueError, match="is not a recorded event stream") as caught:
        read_recording(file)
    assert shown in str(caught.value)
    assert "pass its bytes, or another content_type" in str(caught.value)
    assert data == read_recording(file, "application/json") == read_recording(data)


def test_a_file_that_cannot_be_read_keeps_its_kind_of_error(tmp_path: Path) -> None:
    """Missing, or a folder."""
    for path, kind in ((tmp_path / "no.sse", FileNotFoundError), (tmp_path, IsADirectoryError)):
        with pytest.raises(kind, match="give the path of a file") as caught:
            read_recording(path)
        assert str(path) in str(caught.value)


def test_what_is_neither_a_path_nor_bytes_is_refused() -> None:
    """A text that holds a stream is not a path: the sentence says how to send it."""
    wrong: Any = bytearray(b"x")
    with pytest.raises(
        TypeError, match="recording takes the path of a file, or bytes, not bytearray"
    ):
        read_recording(wrong)
    with pytest.raises(ValueError, match=r"pass its bytes, text\.encode\(\)"):
        read_recording("event: done\ndata: [DONE]\n\n")


def test_a_recordings_status_and_type_are_checked() -> None:
    """They go into an answer's head as they are."""
    with pytest.raises(ValueError, match="an HTTP status from 200 to 599"):
        Recording(b"", Framing(), 99, "text/html")
    with pytest.raises(ValueError, match="on one line"):
        Recording(b"", Framing(), 200, "text/html\r\nX: y")


def test_only_faults_and_framings_can_be_scheduled() -> None:
    """A number is not a fault; the sentence shows the right call."""
    script = Script(Framing())
    number: Any = 500
    with pytest.raises(TypeError, match=r"not 500: write fail_next\(Fault\(status=500\)\)"):
        script.fail_next(Fault(), number)
    with pytest.raises(TypeError, match=r"write frame_next\(Framing\(chunk_size=7\)\)"):
        script.frame_next(number)
    assert [] == script.unused_faults


def test_faults_that_nothing_has_met_can_be_seen() -> None:
    """A test asserts that there are none."""
    script = Script(Framing())
    waiting = Fault(status=500, only="/runs")
    script.fail_next(Fault(status=501), waiting)
    script.receive(ANY)
    assert [waiting] == script.unused_faults
