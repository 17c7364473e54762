"""Messages, their parts and annotations, and their deltas."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from attrs import define, field

from .base import Growing, Payload
from .common import IncompleteDetails
from .tools import Tool

__all__ = [
    "Annotation",
    "Attachment",
    "FileCitation",
    "FileCitationAnnotation",
    "FilePath",
    "FilePathAnnotation",
    "ImageFile",
    "ImageFileContentBlock",
    "ImageFileDeltaBlock",
    "ImageURL",
    "ImageURLContentBlock",
    "ImageURLDeltaBlock",
    "Message",
    "MessageContent",
    "MessageContentDelta",
    "MessageDelta",
    "MessageDeltaEvent",
    "RefusalContentBlock",
    "RefusalDeltaBlock",
    "Text",
    "TextContentBlock",
    "TextDelta",
    "TextDeltaBlock",
    "URLCitation",
    "URLCitationAnnotation",
    "UnknownAnnotation",
    "UnknownContent",
    "UnknownContentDelta",
]


@define(eq=False, repr=False)
class FileCitation(Payload):
    """The cited file; ``quote`` comes only in deltas and is mostly empty."""

    NEEDED = ()

    file_id: str = ""
    quote: str | None = None


@define(eq=False, repr=False)
class FilePath(Payload):
    """The file that the code interpreter made."""

    NEEDED = ()

    file_id: str = ""


@define(eq=False, repr=False)
class URLCitation(Payload):
    """Azure: the cited page."""

    NEEDED = ()

    url: str = ""
    title: str | None = None


@define(eq=False, repr=False)
class FileCitationAnnotation(Payload):
    """A place in the text that cites a file; indexes count characters, end exclusive.

    ``index`` is the annotation's place in its text; only deltas carry it.
    """

    NEEDED = ()

    index: int | None = None
    type: str = "file_citation"
    text: str = ""
    start_index: int | None = None
    end_index: int | None = None
    file_citation: FileCitation | None = None


@define(eq=False, repr=False)
class FilePathAnnotation(Payload):
    """A place in the text that names a file made by the code interpreter."""

    NEEDED = ()

    index: int | None = None
    type: str = "file_path"
    text: str = ""
    start_index: int | None = None
    end_index: int | None = None
    file_path: FilePath | None = None


@define(eq=False, repr=False)
class URLCitationAnnotation(Payload):
    """Azure: a place in the text that cites a page."""

    NEEDED = ()

    index: int | None = None
    type: str = "url_citation"
    text: str = ""
    start_index: int | None = None
    end_index: int | None = None
    url_citation: URLCitation | None = None


@define(eq=False, repr=False)
class UnknownAnnotation(Payload):
    """An annotation of an unknown type."""

    NEEDED = ()

    index: int | None = None
    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


Annotation: TypeAlias = (
    FileCitationAnnotation | FilePathAnnotation | URLCitationAnnotation | UnknownAnnotation
)


@define(eq=False, repr=False)
class Text(Growing):
    """A text with its annotations; live while its message streams."""

    GROWS: ClassVar[str] = "value"
    NEEDED = ("value",)

    value: str = ""
    annotations: list[Annotation] = field(factory=list)


@define(eq=False, repr=False)
class TextContentBlock(Payload):
    """A part of a message that is text."""

    NEEDED = ("text",)

    type: str = "text"
    text: Text = field(factory=Text)


@define(eq=False, repr=False)
class ImageFile(Payload):
    """An image given by file id; ``detail`` is ``auto``, ``low`` or ``high``."""

    NEEDED = ("file_id",)

    file_id: str = ""
    detail: str | None = None


@define(eq=False, repr=False)
class ImageFileContentBlock(Payload):
    """A part of a message that is an image file."""

    NEEDED = ("image_file",)

    type: str = "image_file"
    image_file: ImageFile = field(factory=ImageFile)


@define(eq=False, repr=False)
class ImageURL(Payload):
    """An image given by address; ``detail`` is ``auto``, ``low`` or ``high``."""

    NEEDED = ("url",)

    url: str = ""
    detail: str | None = None


@define(eq=False, repr=False)
class ImageURLContentBlock(Payload):
    """A part of a message that is an image at an address."""

    NEEDED = ("image_url",)

    type: str = "image_url"
    image_url: ImageURL = field(factory=ImageURL)


@define(eq=False, repr=False)
class RefusalContentBlock(Growing):
    """A part of a message in which the model refuses; live while it streams."""

    GROWS: ClassVar[str] = "refusal"
    NEEDED = ("refusal",)

    type: str = "refusal"
    refusal: str = ""


@define(eq=False, repr=False)
class UnknownContent(Payload):
    """A part of a message, of an unknown type."""

    NEEDED = ()

    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


MessageContent: TypeAlias = (
    TextContentBlock
    | ImageFileContentBlock
    | ImageURLContentBlock
    | RefusalContentBlock
    | UnknownContent
)


@define(eq=False, repr=False)
class Attachment(Payload):
    """A file that comes with a message, and the tools that may use it."""

    NEEDED = ()

    file_id: str | None = None
    tools: list[Tool] = field(factory=list)


@define(eq=False, repr=False)
class Message(Payload):
    """A message; live while it streams."""

    NEEDED = ("id", "content")

    id: str = ""
    object: str = "thread.message"
    created_at: float | None = None
    thread_id: str = ""
    run_id: str | None = None
    assistant_id: str | None = None
    status: str | None = None
    incomplete_details: IncompleteDetails | None = None
    incomplete_at: float | None = None
    completed_at: float | None = None
    role: str = ""
    content: list[MessageContent] = field(factory=list)
    attachments: list[Attachment] = field(factory=list)
    metadata: dict[str, Any] = field(factory=dict)

    @property
    def text(self) -> str:
        """All text parts, joined without a separator."""
        return "".join([x.text.value for x in self.content if isinstance(x, TextContentBlock)])

    # The names of azure-ai-agents, so that code written for it reads the same.

    @property
    def agent_id(self) -> str | None:
        """The same as ``assistant_id``."""
        return self.assistant_id

    @property
    def text_messages(self) -> list[TextContentBlock]:
        """The parts that are text."""
        return [x for x in self.content if isinstance(x, TextContentBlock)]

    @property
    def image_contents(self) -> list[ImageFileContentBlock]:
        """The parts that are image files."""
        return [x for x in self.content if isinstance(x, ImageFileContentBlock)]

    @property
    def file_citation_annotations(self) -> list[FileCitationAnnotation]:
        """The annotations of all text parts that cite a file."""
        return [x for x in self._annotations if isinstance(x, FileCitationAnnotation)]

    @property
    def file_path_annotations(self) -> list[FilePathAnnotation]:
        """The annotations of all text parts that name a file."""
        return [x for x in self._annotations if isinstance(x, FilePathAnnotation)]

    @property
    def url_citation_annotations(self) -> list[URLCitationAnnotation]:
        """The annotations of all text parts that cite a page."""
        return [x for x in self._annotations if isinstance(x, URLCitationAnnotation)]

    @property
    def _annotations(self) -> list[Annotation]:
        """The annotations of all text parts."""
        return [x for part in self.text_messages for x in part.text.annotations]


@define(eq=False, repr=False)
class TextDelta(Payload):
    """A delta of a text; annotations carry their ``index``."""

    NEEDED = ("value",)

    value: str | None = None
    annotations: list[Annotation] = field(factory=list)


@define(eq=False, repr=False)
class TextDeltaBlock(Payload):
    """A delta of the text part at ``index``."""

    NEEDED = ("text",)

    index: int | None = None
    type: str = "text"
    text: TextDelta | None = None


@define(eq=False, repr=False)
class ImageFileDeltaBlock(Payload):
    """A delta of the image file part at ``index``."""

    NEEDED = ("image_file",)

    index: int | None = None
    type: str = "image_file"
    image_file: ImageFile | None = None


@define(eq=False, repr=False)
class ImageURLDeltaBlock(Payload):
    """A delta of the image part at ``index``."""

    NEEDED = ("image_url",)

    index: int | None = None
    type: str = "image_url"
    image_url: ImageURL | None = None


@define(eq=False, repr=False)
class RefusalDeltaBlock(Payload):
    """A delta of the refusal at ``index``."""

    NEEDED = ("refusal",)

    index: int | None = None
    type: str = "refusal"
    refusal: str | None = None


@define(eq=False, repr=False)
class UnknownContentDelta(Payload):
    """A delta of a part of an unknown type."""

    NEEDED = ()

    index: int | None = None
    type: str | None = None
    raw: dict[str, Any] = field(factory=dict)


MessageContentDelta: TypeAlias = (
    TextDeltaBlock
    | ImageFileDeltaBlock
    | ImageURLDeltaBlock
    | RefusalDeltaBlock
    | UnknownContentDelta
)


@define(eq=False, repr=False)
class MessageDelta(Payload):
    """A delta of a message."""

    NEEDED = ("content",)

    content: list[MessageContentDelta] = field(factory=list)
    role: str | None = None


@define(eq=False, repr=False)
class MessageDeltaEvent(Payload):
    """The payload of ``thread.message.delta``: a message's id and its delta."""

    NEEDED = ("id", "delta")

    id: str = ""
    delta: MessageDelta = field(factory=MessageDelta)
    object: str = "thread.message.delta"

    @property
    def text(self) -> str:
        """The new text of all text parts, joined without a separator."""
        parts = [x.text for x in self.delta.content if isinstance(x, TextDeltaBlock)]
        return "".join([part.value or "" for part in parts if part is not None])
