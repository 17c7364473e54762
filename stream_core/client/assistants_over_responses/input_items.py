"""Messages as items of input.

Rules of this file: an item has the role and content of a message, which is all that the
Responses wire knows of it. A part that already has the form of that wire stays as it is. A part
without a counterpart is a ValueError that says what to do instead, before anything is stored or
sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["make_item"]

_ROLES = ("user", "assistant")

#: Types of the parts that already have the form of this wire.
_OWN = frozenset({"input_text", "input_image", "input_file", "output_text", "refusal"})

_SEARCHED = (
    "attachments: a message cannot add a file to a vector store here; add it with "
    "client.request('POST', '/vector_stores/{id}/files', body={'file_id': ...}) and name the "
    "store in tool_resources, or leave out its tools so that the model reads the whole file"
)


def make_item(message: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Make an item from a message.

    Args:
        message: ``role``, ``content`` and ``attachments``, as JSON.

    Returns:
        The item, and the ids of the files that the code interpreter may read from now on.

    Raises:
        ValueError: The role, a part or an attachment is not allowed.
        TypeError: An attachment has no file id.
    """
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise ValueError(f"role is {role!r}: give 'user' or 'assistant'")
    if not content or not isinstance(content, str | list):
        raise ValueError(f"content is {content!r}: give a string or a list of parts")
    parts, code_files = _attached(message.get("attachments") or ())
    if isinstance(content, str) and not parts:
        return {"type": "message", "role": role, "content": content}, code_files
    given = [{"type": "text", "text": content}] if isinstance(content, str) else content
    parts = [_part(one, role) for one in given] + parts
    return {"type": "message", "role": role, "content": parts}, code_files


def _part(part: Any, role: str) -> dict[str, Any]:
    """Return a part of a message in the form of this wire."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        text = part.get("text")
        value = text.get("value") if isinstance(text, dict) else text
        return {"type": "input_text" if role == "user" else "output_text", "text": value}
    if kind in _OWN:
        return dict(part)
    if kind not in ("image_file", "image_url"):
        raise ValueError(
            f"a part of a message must be of type text, image_file or image_url, not {part!r}"
        )
    if role != "user":
        raise ValueError(f"{kind}: on this wire an assistant's message can contain only text")
    image = part.get(kind) or {}
    named = {"file_id": image.get("file_id")}
    if kind == "image_url":
        named = {"image_url": image.get("url")}
    return {"type": "input_image", "detail": image.get("detail") or "auto", **named}


def _attached(attachments: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the parts made from attachments, and the files for the code interpreter."""
    parts: list[dict[str, Any]] = []
    code_files: list[str] = []
    for one in attachments:
        file_id, kinds = one.get("file_id"), {x.get("type") for x in one.get("tools") or ()}
        if not isinstance(file_id, str):
            raise TypeError(f"attachments: {one!r} has no file_id")
        if not kinds:
            parts.append({"type": "input_file", "file_id": file_id})
        elif kinds == {"code_interpreter"}:
            code_files.append(file_id)
        else:
            raise ValueError(_SEARCHED)
    return parts, code_files
