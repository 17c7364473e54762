"""docs/migrating.md is true: its programs run against servers and print what it says.

Rules of this file:

- Snippets of one section share their names, as in the README. What makes assistants goes to
  ``LocalServer``, whatever else to a server that gives the answers of ``ANSWERS`` in turn.
- The list of what differs is tested in test_same_callbacks.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handlers.routes import CALLBACKS
from stream_core.api.chat_params import ChatStreamParams
from stream_core.api.responses_params import ResponseStreamParams
from stream_core.testing import LocalServer
from tests import ROOT
from tests.house.test_readme import Snippet, anchor, sections
from tests.support import chat_frames
from tests.support.responses_frames import added, done, event, response, text, text_part
from tests.support.scripted_server import Answer, frames, running

if TYPE_CHECKING:
    from tests.support.frames import Frame

PATH = ROOT / "docs" / "migrating.md"
PAGE = PATH.read_text("utf-8")
SECTIONS = dict(sections(PAGE))


# --- What the server says ---------------------------------------------------------------


def responds(*sent: Frame, number: int = 1, output: list[Any] | None = None) -> Answer:
    """Return a response in which frames are SENT."""
    name = f"resp_{number}"
    ended = response("completed", name, status="completed", output=output or [])
    return frames(response("created", name, status="in_progress"), *sent, ended)


def says(value: str, number: int = 1, index: int = 0) -> list[Frame]:
    """Return the frames of a message."""
    item = f"msg_{number}"
    content = [text_part(value)]
    return [
        added("message", item, index, role="assistant", content=[]),
        text(value, item, index),
        done("message", item, index, role="assistant", content=content),
    ]


def chats(*sent: Frame, reason: str = "stop") -> Answer:
    """Return an answer of Chat Completions."""
    return frames(*sent, chat_frames.stop(reason), chat_frames.DONE)


PORTO = '{"port": "Porto"}'
TIDES = "high water at Porto is at 16:35"
CALL: dict[str, Any] = {"call_id": "call_1", "name": "get_tides", "arguments": PORTO}
CHAT_CALL = chat_frames.call(0, "call_1", name="get_tides", arguments=PORTO)
ASKS = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "look", "arguments": "{}"}
GREETING = "Ahoy to you!"

#: The answers to the requests of each section, in turn.
ANSWERS: dict[str, list[Answer]] = {
    "The same handler": [
        responds(*says(GREETING)),
        chats(chat_frames.chunk(content=GREETING)),
    ],
    "Tools": [
        responds(done("function_call", "fc_1", **CALL)),
        responds(*says(TIDES), number=2),
        chats(chat_frames.chunk(tool_calls=[CHAT_CALL]), reason="tool_calls"),
        chats(chat_frames.chunk(content=TIDES)),
        responds(output=[{**ASKS, "server_label": "harbour"}]),
        responds(*says("Three boats."), number=2),
    ],
    "Keeping the calls too": [
        responds(*says("A lighthouse.")),
        responds(*says("On a rock.", 2), number=2),
        responds(*says("High enough.", 3), number=3),
    ],
    "A conversation": [
        responds(*says("A lighthouse.")),
        responds(*says("On a rock.", 2), number=2),
    ],
    "What Assistants never had": [
        responds(
            event(
                "reasoning_text.delta",
                item_id="rs",
                output_index=0,
                content_index=0,
                delta="A boat?",
            ),
            event(
                "reasoning_summary_text.delta",
                item_id="rs",
                output_index=0,
                summary_index=0,
                delta="a boat",
            ),
            event("image_generation_call.generating", item_id="ig", output_index=1),
            event(
                "image_generation_call.partial_image",
                item_id="ig",
                output_index=1,
                partial_image_index=0,
                partial_image_b64="aGk=",
            ),
            *says("Here.", index=2),
        )
    ],
    "Long answers and lost connections": [responds(*says(GREETING))],
    "Recordings": [responds(*says(GREETING))],
}


# --- Tests ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # of Assistants
@pytest.mark.parametrize("heading", SECTIONS)
def test_the_programs_run_and_print_what_the_page_says(
    heading: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each program of a section after the other; all answers are asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    names: dict[str, object] = {"__name__": "migrating"}
    with LocalServer() as assistants, running(*ANSWERS[heading]) as server:
        for snippet in SECTIONS[heading]:
            before = ".assistants.create(" in snippet.code
            monkeypatch.setenv(
                "OPENAI_BASE_URL", assistants.base_url if before else server.base_url
            )
            run(snippet, names)
            printed = capsys.readouterr().out
            # A program that only defines something prints nothing.
            expected = snippet.prints or ""
            assert expected.splitlines() == printed.splitlines()
            assert printed or "Client(" not in snippet.code
        assert [] == server.answers
        if heading in ("A conversation", "Keeping the calls too"):
            named = [body.get("previous_response_id") for body in server.bodies]
            assert [None, "resp_1", "resp_2"][: len(named)] == named


def run(snippet: Snippet, names: dict[str, object]) -> None:
    """Run a program; its lines are those of the page."""
    code = "\n" * (snippet.line - 1) + snippet.code
    exec(compile(code, PATH, "exec"), names)  # noqa: S102  # it is the page's


def test_every_section_with_programs_has_answers() -> None:
    """And the other way round: an answer that nobody asks for proves nothing."""
    assert ANSWERS.keys() == SECTIONS.keys()


def test_every_callback_that_the_page_names_exists() -> None:
    """A renamed callback fails here."""
    named = set(re.findall(r"\bon_[a-z_]+[a-z]\b", PAGE))
    assert named
    assert named <= CALLBACKS.keys()


def test_every_parameter_in_the_table_exists() -> None:
    """The names in the columns of Responses and Chat are parameters of the calls."""
    table = PAGE.partition("## Parameters")[2].partition("\n\nAll parameters")[0]
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    given = {"model", "messages", "stream"}
    for column, params in ((1, ResponseStreamParams), (2, ChatStreamParams)):
        known = given | keys_of(params)
        named = {
            name for row in rows for name in re.findall(r"`([a-z_]+)(?:=[^`]*)?`", row[column])
        }
        assert named
        assert named - {"system", "developer"} <= known


def keys_of(params: Any) -> set[str]:
    """Return the keys of a TypedDict and of those it is made from."""
    return set(params.__required_keys__ | params.__optional_keys__)


def test_every_link_leads_somewhere() -> None:
    """Files exist, and so do the headings."""
    anchors = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)}
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert links
    for link in links:
        assert link[1:] in anchors if link.startswith("#") else (PATH.parent / link).exists()
