"""Messages as items of input."""

from __future__ import annotations

from typing import Any

import pytest

from stream_core.client.assistants_over_responses.input_items import make_item

TEXT = {"type": "text", "text": "Ahoy"}
IMAGE = {"type": "image_file", "image_file": {"file_id": "file_1"}}
FILE = {"type": "input_file", "file_id": "file_2"}


def test_a_text_is_sent_as_it_is() -> None:
    """This is so for both roles."""
    for role in ("user", "assistant"):
        message = {"role": role, "content": "Ahoy", "attachments": None}
        assert ({"type": "message", "role": role, "content": "Ahoy"}, []) == make_item(message)


@pytest.mark.parametrize(
    ("role", "part", "expected"),
    [
        ("user", TEXT, {"type": "input_text", "text": "Ahoy"}),
        ("assistant", TEXT, {"type": "output_text", "text": "Ahoy"}),
        (
            "user",
            {"type": "text", "text": {"value": "Ahoy", "annotations": []}},
            {"type": "input_text", "text": "Ahoy"},
        ),
        ("user", IMAGE, {"type": "input_image", "file_id": "file_1", "detail": "auto"}),
        (
            "user",
            {"type": "image_url", "image_url": {"url": "http://s/a.png", "detail": "low"}},
            {"type": "input_image", "image_url": "http://s/a.png", "detail": "low"},
        ),
        ("user", FILE, FILE),
    ],
)
def test_a_part_is_spelt_as_on_the_wire(role: str, part: Any, expected: Any) -> None:
    """A part that already has the form of the wire stays as it is."""
    item, _ = make_item({"role": role, "content": [part]})
    assert [expected] == item["content"]


def test_attachments_are_parts_or_files_of_the_container() -> None:
    """Without tools the model reads the file; otherwise the code interpreter has it from now on."""
    code = {"file_id": "file_1", "tools": [{"type": "code_interpreter"}]}
    read = {"file_id": "file_2", "tools": []}
    item, files = make_item({"role": "user", "content": "Ahoy", "attachments": [code, read]})
    assert [{"type": "input_text", "text": "Ahoy"}, FILE] == item["content"]
    assert ["file_1"] == files


@pytest.mark.parametrize(
    ("message", "error", "says"),
    [
        ({"role": "system", "content": "x"}, ValueError, "role is 'system'"),
        ({"role": "user", "content": None}, ValueError, "content is None: give a string"),
        ({"role": "user", "content": []}, ValueError, "give a string or a list of parts"),
        ({"role": "user", "content": [{"type": "audio"}]}, ValueError, "image_url, not .*audio"),
        ({"role": "user", "content": ["text"]}, ValueError, "not 'text'"),
        ({"role": "assistant", "content": [IMAGE]}, ValueError, "can contain only text"),
        (
            {"role": "user", "content": "x", "attachments": [{"tools": []}]},
            TypeError,
            "no file_id",
        ),
        (
            {
                "role": "user",
                "content": "x",
                "attachments": [
                    {
                        "file_id": "f",
                        "tools": [{"type": "file_search"}, {"type": "code_interpreter"}],
                    }
                ],
            },
            ValueError,
            "vector_stores/.*tool_resources, or leave out its tools",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused(
    message: dict[str, Any], error: type[Exception], says: str
) -> None:
    """The error says what may be given."""
    with pytest.raises(error, match=says):
        make_item(message)
