"""Streams that have N of one thing, for everything of which a server decides how much there is.

Rules of this file:

- A stream is a function from N to chunks of bytes; its length grows with N and with nothing else.
- ``STREAMS`` has one row for each thing: a dialect, and the function.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from tests.support import chat_frames as chat
from tests.support import frames as assistants
from tests.support import responses_frames as responses
from tests.support.frames import Frame, pieces, sse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    #: Makes the chunks of a stream with N of something.
    Stream: TypeAlias = Callable[[int], Iterable[bytes]]

__all__ = ["STREAMS"]

#: Sizes of pieces of text and of chunks.
_WORD, _CHUNK = "word ", 4096


def _by_frame(*sent: Frame) -> Iterator[bytes]:
    """Yield each frame as a chunk."""
    return (sse(one) for one in sent)


def _in_one(*sent: Frame) -> list[bytes]:
    """Return all frames as one chunk."""
    return [sse(*sent)]


def _many(make: Callable[[int], Iterable[Frame]], n: int) -> list[Frame]:
    """Return the frames that MAKE returns for each number below N."""
    return [one for number in range(n) for one in make(number)]


# --- Assistants -------------------------------------------------------------------------


def _run(*sent: Frame) -> list[Frame]:
    """Return SENT inside a run that completes."""
    return [assistants.run("created"), *sent, assistants.run("completed"), assistants.DONE]


def _calls(n: int, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Return N whole calls; with FIRST, their numbers begin there."""
    return [
        assistants.call(x, id=f"call_{x}", name="f", arguments="{}", **fields)
        for x in range(first, first + n)
    ]


def _required(run_id: str, calls: list[dict[str, Any]]) -> Frame:
    """Return the frame of a run that requires outputs of CALLS."""
    named = [{key: x for key, x in one.items() if key != "index"} for one in calls]
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": named}}
    return assistants.run("requires_action", run_id, required_action=action)


def _calls_in_one_frame(n: int) -> Iterator[bytes]:
    step = assistants.step("created", type="tool_calls")
    return _by_frame(*_run(step, assistants.step_delta(*_calls(n))))


def _calls_without_index(n: int) -> Iterator[bytes]:
    calls = [{**one, "index": None} for one in _calls(n)]
    return _by_frame(*_run(*(assistants.step_delta(one) for one in calls)))


def _calls_at_the_end(n: int) -> Iterator[bytes]:
    details = {"type": "tool_calls", "tool_calls": _calls(n)}
    begun = assistants.step("created", type="tool_calls")
    ended = assistants.step("completed", type="tool_calls", step_details=details)
    return _by_frame(*_run(begun, assistants.step_delta(*_calls(n)), ended))


def _calls_backwards(n: int) -> Iterator[bytes]:
    return _by_frame(*_run(*(assistants.step_delta(one) for one in reversed(_calls(n)))))


def _calls_interleaved(n: int) -> Iterator[bytes]:
    begun = [assistants.call(x, id=f"call_{x}", name="f", arguments='{"a": "') for x in range(n)]
    more = [assistants.call(x, arguments=_WORD) for x in range(n)]
    last = [assistants.call(x, arguments='"}') for x in range(n)]
    sent = [assistants.step_delta(one) for one in (*begun, *more, *last)]
    return _by_frame(*_run(*sent))


def _calls_required(n: int) -> Iterator[bytes]:
    calls = _calls(n)
    sent = [assistants.run("created"), assistants.step_delta(*calls), _required("run_1", calls)]
    return _by_frame(*sent, assistants.DONE)


def _calls_only_required(n: int) -> Iterator[bytes]:
    step = assistants.step("created", type="tool_calls")
    sent = [assistants.run("created"), step, _required("run_1", _calls(n))]
    return _by_frame(*sent, assistants.DONE)


def _requires_again(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        calls = _calls(1, x)
        return [assistants.step_delta(*calls), _required("run_1", calls)]

    return _by_frame(assistants.run("created"), *_many(sent, n), assistants.DONE)


def _requires_in_steps(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        calls, name = _calls(1, x), f"step_{x}"
        delta = assistants.step_delta(*calls, step_id=name)
        return [delta, _required("run_1", calls), assistants.run("in_progress")]

    return _by_frame(assistants.run("created"), *_many(sent, n), assistants.run("completed"))


def _steps(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        name = f"step_{x}"
        return [assistants.step("created", name), assistants.step("completed", name)]

    return _by_frame(*_run(*_many(sent, n)))


def _steps_left_open(n: int) -> Iterator[bytes]:
    return _by_frame(*_run(*_many(lambda x: [assistants.step("created", f"step_{x}")], n)))


def _messages(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        name = f"msg_{x}"
        text = assistants.text(_WORD)
        return [
            assistants.message("created", message_id=name),
            assistants.text_delta(_WORD, message_id=name),
            assistants.message("completed", text, message_id=name),
        ]

    return _by_frame(*_run(*_many(sent, n)))


def _messages_left_open(n: int) -> Iterator[bytes]:
    return _by_frame(
        *_run(*_many(lambda x: [assistants.text_delta(_WORD, message_id=f"msg_{x}")], n))
    )


def _messages_renamed(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        begun = assistants.message("created", message_id=f"msg_{x}")
        return [begun, assistants.message("completed", message_id=f"other_{x}")]

    return _by_frame(*_run(*_many(sent, n)))


def _ends_of_nothing(n: int) -> Iterator[bytes]:
    sent = _many(lambda x: [assistants.message("completed", message_id=f"msg_{x}")], n)
    return _by_frame(*_run(*sent))


def _runs(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        name = f"run_{x}"
        delta = assistants.text_delta(_WORD, message_id=f"msg_{x}")
        step = assistants.step("created", f"step_{x}")
        return [assistants.run("created", name), step, delta, assistants.run("completed", name)]

    return _by_frame(*_many(sent, n), assistants.DONE)


def _parts(n: int) -> Iterator[bytes]:
    text = assistants.text(_WORD)
    sent = [assistants.text_delta(_WORD, index=x) for x in range(n)]
    return _by_frame(*_run(*sent, assistants.message("completed", *[text] * n)))


def _parts_backwards(n: int) -> Iterator[bytes]:
    sent = [assistants.text_delta(_WORD, index=x) for x in reversed(range(n))]
    return _by_frame(*_run(*sent))


def _parts_interleaved(n: int) -> Iterator[bytes]:
    both = [assistants.text_delta(_WORD, index=x) for x in range(n)]
    return _by_frame(*_run(*both, *both))


def _parts_in_one_frame(n: int) -> Iterator[bytes]:
    parts = [{"index": x, **assistants.text(_WORD)} for x in range(n)]
    return _by_frame(*_run(assistants.message_delta(*parts)))


def _parts_without_index(n: int) -> Iterator[bytes]:
    sent = [assistants.text_delta(_WORD, index=None) for _ in range(n)]
    return _by_frame(*_run(*sent))


def _annotations(n: int) -> Iterator[bytes]:
    sent = [assistants.text_delta(None, assistants.citation(x)) for x in range(n)]
    return _by_frame(*_run(assistants.text_delta(_WORD), *sent))


def _annotations_without_index(n: int) -> Iterator[bytes]:
    sent = [assistants.text_delta(None, assistants.citation(None)) for _ in range(n)]
    return _by_frame(*_run(assistants.text_delta(_WORD), *sent))


def _annotations_in_one_frame(n: int) -> Iterator[bytes]:
    found = [assistants.citation(x) for x in range(n)]
    return _by_frame(*_run(assistants.text_delta(_WORD, *found)))


def _code_outputs(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        log = {"index": x, "type": "logs", "logs": _WORD}
        code = {"input": _WORD, "outputs": [log]}
        made = {"index": 0, "type": "code_interpreter", "code_interpreter": code}
        return [assistants.step_delta(made)]

    return _by_frame(*_run(*_many(sent, n)))


def _unknown_part(n: int) -> Iterator[bytes]:
    sent = [assistants.message_delta({"index": 0, "type": "new", f"key_{x}": x}) for x in range(n)]
    return _by_frame(*_run(*sent))


def _unknown_part_nested(n: int) -> Iterator[bytes]:
    part = {"index": 0, "type": "new"}
    sent = [assistants.message_delta({**part, "more": {f"key_{x}": x}}) for x in range(n)]
    return _by_frame(*_run(*sent))


def _unknown_call(n: int) -> Iterator[bytes]:
    sent = [assistants.step_delta({"index": 0, "type": "new", f"key_{x}": x}) for x in range(n)]
    return _by_frame(*_run(*sent))


def _extra_keys(n: int) -> Iterator[bytes]:
    more: dict[str, Any] = {f"key_{x}": x for x in range(n)}
    return _by_frame(*_run(assistants.run("in_progress", **more)))


def _unknown_events(n: int) -> Iterator[bytes]:
    return _by_frame(*_run(*[(f"thread.new_{x}", {"x": x}) for x in range(n)]))


def _alternating_ids(n: int) -> Iterator[bytes]:
    sent = [assistants.text_delta(_WORD, message_id=f"msg_{x % 2}") for x in range(n)]
    return _by_frame(*_run(*sent))


def _texts(n: int) -> list[Frame]:
    return _run(*[assistants.text_delta(_WORD) for _ in range(n)])


def _halves(n: int) -> Iterator[bytes]:
    def half(escape: str) -> Frame:
        name, payload = assistants.text_delta("?")
        return name, json.dumps(payload).replace("?", escape)

    sent = _many(lambda _: [half("\\ud83d"), half("\\ude00")], n)
    return _by_frame(*_run(*sent))


def _lone_halves(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        name, payload = assistants.text_delta("?", index=x)
        return [(name, json.dumps(payload).replace("?", "\\ud83d"))]

    return _by_frame(*_run(*_many(sent, n)))


# --- Bytes ------------------------------------------------------------------------------


def _one_byte_chunks(n: int) -> Iterable[bytes]:
    return pieces(sse(*_run(assistants.text_delta(_WORD * n))), 1)


def _small_chunks(n: int) -> Iterable[bytes]:
    return pieces(sse(*_run(assistants.text_delta(_WORD * 16 * n))), 16)


def _many_frames_in_a_chunk(n: int) -> Iterable[bytes]:
    return _in_one(*_texts(n))


def _shapes_in_a_chunk(end: str, *, named: bool) -> Stream:
    def make(n: int) -> Iterable[bytes]:
        sent = _texts(n)
        if named:
            return [sse(*sent, end=end)]
        bare = [
            ("", json.dumps({"event": name, "data": data}) if name != "done" else data)
            for name, data in sent
        ]
        return [sse(*bare, end=end)]

    return make


def _comments(n: int) -> Iterable[bytes]:
    return [sse(assistants.run("created")), b": keep-alive\n" * n, sse(*_run()[1:])]


def _comment_blocks(n: int) -> Iterable[bytes]:
    return chain([sse(assistants.run("created"))], [b": ping\n\n"] * n, [sse(*_run()[1:])])


def _comments_in_a_frame(n: int) -> Iterable[bytes]:
    begun = sse(assistants.run("created"))
    return [begun[:-1] + b": still here\n" * n + b"\n" + sse(*_run()[1:])]


def _ignored_lines(n: int) -> Iterable[bytes]:
    return [sse(assistants.run("created")), b"what: is this\n" * n, b"\n", sse(*_run()[1:])]


def _blank_lines(n: int) -> Iterable[bytes]:
    return [sse(assistants.run("created")), b"\n" * n, sse(*_run()[1:])]


def _data_lines(n: int) -> Iterable[bytes]:
    text = json.dumps({"id": "run_1", "status": "queued", "metadata": {"a": 1}}, indent=0)
    spaced = text.replace("\n", "\n" * n)
    return [assistants.frame("thread.run.created", spaced), sse(*_run()[1:])]


def _no_blank_lines(n: int) -> Iterable[bytes]:
    return pieces(b"".join(sse(one)[:-1] for one in _texts(n)), _CHUNK)


def _no_line_ends(n: int) -> Iterable[bytes]:
    return pieces(b"data: " + b"x" * 64 * n, 64)


def _carriage_returns(n: int) -> Iterable[bytes]:
    return pieces(sse(*_texts(n), end="\r"), _CHUNK)


def _not_utf_8(n: int) -> Iterable[bytes]:
    return [one.replace(b"word", b"\xff\xfe") for one in _in_one(*_texts(n))]


def _retry_lines(n: int) -> Iterable[bytes]:
    return [sse(assistants.run("created")), b"retry: 10\nid: 1\n" * n, b"\n", sse(*_run()[1:])]


# --- Responses --------------------------------------------------------------------------


def _response(*sent: Frame, **end: Any) -> list[Frame]:
    """Return SENT inside a response that completes."""
    return [
        responses.CREATED,
        *sent,
        responses.response("completed", status="completed", **end),
    ]


def _message_item(x: int) -> dict[str, Any]:
    content = [responses.text_part(_WORD)]
    return {"type": "message", "id": f"msg_{x}", "role": "assistant", "content": content}


def _function_item(x: int) -> dict[str, Any]:
    call = {"type": "function_call", "id": f"fc_{x}", "call_id": f"call_{x}"}
    return {**call, "name": "f", "arguments": "{}"}


def _reasoning_item(x: int) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": _WORD}]
    return {"type": "reasoning", "id": f"rs_{x}", "summary": summary}


def _code_item(x: int) -> dict[str, Any]:
    return {"type": "code_interpreter_call", "id": f"ci_{x}", "code": _WORD, "outputs": []}


_ITEMS: dict[str, Callable[[int], dict[str, Any]]] = {
    "messages": _message_item,
    "function calls": _function_item,
    "reasoning items": _reasoning_item,
    "code items": _code_item,
}


def _added(item: dict[str, Any], index: int | None) -> Frame:
    """Return the frame that adds ITEM, without its content."""
    empty = {"content": [], "summary": [], "arguments": "", "code": ""}
    bare = {key: empty.get(key, x) for key, x in item.items()}
    place = {} if index is None else {"output_index": index}
    return responses.event("output_item.added", item=bare, **place)


def _ended(item: dict[str, Any], index: int | None) -> Frame:
    """Return the frame that ends ITEM."""
    place = {} if index is None else {"output_index": index}
    return responses.event("output_item.done", item=item, **place)


def _whole_items(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        sent = _many(lambda x: [_added(make(x), x), _ended(make(x), x)], n)
        return _by_frame(*_response(*sent, output=[make(x) for x in range(n)]))

    return stream


def _items_without_indexes(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        sent = _many(lambda x: [_added(make(x), None), _ended(make(x), None)], n)
        return _by_frame(*_response(*sent, output=[make(x) for x in range(n)]))

    return stream


def _items_only_at_the_end(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        return _by_frame(*_response(output=[make(x) for x in range(n)]))

    return stream


def _items_ended_backwards(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        begun = [_added(make(x), x) for x in range(n)]
        ended = [_ended(make(x), x) for x in reversed(range(n))]
        return _by_frame(*_response(*begun, *ended, output=[make(x) for x in range(n)]))

    return stream


def _items_left_open(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        begun = [_added(make(x), x) for x in range(n)]
        return _by_frame(*_response(*begun))

    return stream


def _items_renamed(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        def sent(x: int) -> list[Frame]:
            return [_added(make(x), x), _ended({**make(x), "id": f"other_{x}"}, x)]

        output = [{**make(x), "id": f"third_{x}"} for x in range(n)]
        return _by_frame(*_response(*_many(sent, n), output=output))

    return stream


def _items_of_one_name(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        def sent(x: int) -> list[Frame]:
            same = {**make(x), "id": "same"}
            return [_added(same, x), _ended(same, x)]

        output = [{**make(x), "id": "same"} for x in range(n)]
        return _by_frame(*_response(*_many(sent, n), output=output))

    return stream


def _items_of_one_place(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        sent = _many(lambda x: [_added(make(x), 0), _ended(make(x), 0)], n)
        return _by_frame(*_response(*sent, output=[make(x) for x in range(n)]))

    return stream


def _items_without_ids(make: Callable[[int], dict[str, Any]]) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        def bare(x: int) -> dict[str, Any]:
            return {key: value for key, value in make(x).items() if key != "id"}

        sent = _many(lambda x: [_added(bare(x), None), _ended(bare(x), None)], n)
        return _by_frame(*_response(*sent, output=[bare(x) for x in range(n)]))

    return stream


def _answered_calls(n: int) -> Iterator[bytes]:
    def output(x: int) -> dict[str, Any]:
        kind = "function_call_output"
        return {"type": kind, "id": f"fco_{x}", "call_id": f"call_{x}", "output": "4"}

    items = [one for x in range(n) for one in (_function_item(x), output(x))]
    sent = _many(lambda x: [_added(items[x], x), _ended(items[x], x)], 2 * n)
    return _by_frame(*_response(*sent, output=items))


def _custom_calls(n: int) -> Iterator[bytes]:
    def item(x: int) -> dict[str, Any]:
        made = {"type": "custom_tool_call", "id": f"ct_{x}", "call_id": f"call_{x}"}
        return {**made, "name": f"f_{x}", "input": "x"}

    tools = [{"type": "function", "name": f"other_{x}"} for x in range(n)]
    sent = _many(lambda x: [_added(item(x), x), _ended(item(x), x)], n)
    output = [item(x) for x in range(n)]
    return _by_frame(*_response(*sent, output=output, tools=tools))


def _response_parts(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        place: dict[str, Any] = {"item_id": "msg_0", "output_index": 0, "content_index": x}
        part = responses.text_part(_WORD)
        return [
            responses.text(_WORD, "msg_0", 0, x),
            responses.event("output_text.done", text=_WORD, **place),
            responses.event("content_part.done", part=part, **place),
        ]

    item = {**_message_item(0), "content": [responses.text_part(_WORD)] * n}
    return _by_frame(*_response(_added(item, 0), *_many(sent, n), _ended(item, 0), output=[item]))


def _response_parts_drifting(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        place: dict[str, Any] = {"item_id": "msg_0", "output_index": 0, "content_index": 2 * x + 1}
        return [
            responses.text(_WORD, "msg_0", 0, 2 * x),
            responses.event("output_text.done", text=_WORD, **place),
        ]

    item = {**_message_item(0), "content": [responses.text_part(_WORD * n)]}
    return _by_frame(*_response(_added(item, 0), *_many(sent, n), _ended(item, 0), output=[item]))


def _response_texts(n: int) -> Iterator[bytes]:
    item = {**_message_item(0), "content": [responses.text_part(_WORD * n)]}
    sent = [responses.text(_WORD, "msg_0", 0, 0) for _ in range(n)]
    return _by_frame(*_response(_added(item, 0), *sent, _ended(item, 0), output=[item]))


def _response_annotations(n: int) -> Iterator[bytes]:
    def cited(x: int) -> dict[str, Any]:
        return {"type": "url_citation", "url": f"u{x}", "title": "t", "start_index": 0}

    def sent(x: int) -> list[Frame]:
        place: dict[str, Any] = {"item_id": "msg_0", "output_index": 0, "content_index": 0}
        return [
            responses.event(
                "output_text.annotation.added", annotation=cited(x), annotation_index=x, **place
            )
        ]

    item = {**_message_item(0), "content": [responses.text_part(_WORD, *map(cited, range(n)))]}
    begun = [_added(item, 0), responses.text(_WORD, "msg_0", 0, 0)]
    return _by_frame(*_response(*begun, *_many(sent, n), _ended(item, 0), output=[item]))


def _response_arguments(n: int) -> Iterator[bytes]:
    item = {**_function_item(0), "arguments": json.dumps({"a": _WORD * n})}
    sent = [
        responses.event("function_call_arguments.delta", delta=x, item_id="fc_0", output_index=0)
        for x in ['{"a": "', *[_WORD] * n, '"}']
    ]
    return _by_frame(*_response(_added(item, 0), *sent, _ended(item, 0), output=[item]))


def _response_reasoning(kind: str) -> Stream:
    key = "summary_index" if "summary" in kind else "content_index"

    def stream(n: int) -> Iterator[bytes]:
        def sent(x: int) -> list[Frame]:
            place: dict[str, Any] = {"item_id": "rs_0", "output_index": 0, key: x}
            return [
                responses.event(f"{kind}.delta", delta=_WORD, **place),
                responses.event(f"{kind}.done", text=_WORD, **place),
            ]

        texts = [{"type": "x", "text": _WORD}] * n
        item = {**_reasoning_item(0), "summary": [], "content": []}
        item["summary" if "summary" in kind else "content"] = texts
        return _by_frame(
            *_response(_added(item, 0), *_many(sent, n), _ended(item, 0), output=[item])
        )

    return stream


def _heartbeats(n: int) -> Iterator[bytes]:
    return _by_frame(*_response(*[responses.event("in_progress") for _ in range(n)]))


def _statuses(n: int) -> Iterator[bytes]:
    tools = [{"type": "function", "name": "f"}]
    again = responses.response("in_progress", status="in_progress", tools=tools)
    return _by_frame(*_response(*[again] * n))


def _unknown_types(n: int) -> Iterator[bytes]:
    return _by_frame(*_response(*_many(lambda x: [responses.event(f"new_{x}", x=x)], n)))


# --- Chat Completions -------------------------------------------------------------------


def _answer(*sent: Frame, reason: str = "stop") -> list[Frame]:
    """Return SENT as the chunks of one answer."""
    return [chat.chunk(role="assistant"), *sent, chat.stop(reason), chat.DONE]


def _chat_calls(n: int) -> list[dict[str, Any]]:
    return [chat.call(x, f"call_{x}", name="f", arguments="{}") for x in range(n)]


def _chat_one_frame(n: int) -> Iterator[bytes]:
    return _by_frame(*_answer(chat.chunk(tool_calls=_chat_calls(n)), reason="tool_calls"))


def _chat_each(fragment: Callable[[int], dict[str, Any]]) -> Stream:
    """Return a stream of one fragment for each number."""

    def stream(n: int) -> Iterator[bytes]:
        sent = [chat.chunk(tool_calls=[fragment(x)]) for x in range(n)]
        return _by_frame(*_answer(*sent, reason="tool_calls"))

    return stream


def _chat_interleaved(n: int) -> Iterator[bytes]:
    begun = [chat.call(x, f"call_{x}", name="f", arguments='{"a": "') for x in range(n)]
    more = [chat.call(x, arguments=_WORD) for x in range(n)]
    last = [chat.call(x, arguments='"}') for x in range(n)]
    sent = [chat.chunk(tool_calls=[one]) for one in (*begun, *more, *last)]
    return _by_frame(*_answer(*sent, reason="tool_calls"))


def _chat_whole_again(n: int) -> Iterator[bytes]:
    calls = _chat_calls(n)
    said = {"index": 0, "message": {"role": "assistant", "tool_calls": calls}}
    sent = [chat.chunk(tool_calls=[one]) for one in calls]
    return _by_frame(*_answer(*sent, chat.choices(said), reason="tool_calls"))


def _chat_whole_without_ids(n: int) -> Iterator[bytes]:
    calls = [{**one, "id": f"other_{x}"} for x, one in enumerate(_chat_calls(n))]
    said = {"index": 0, "message": {"role": "assistant", "tool_calls": calls}}
    sent = [chat.chunk(tool_calls=[one]) for one in _chat_calls(n)]
    return _by_frame(*_answer(*sent, chat.choices(said), reason="tool_calls"))


def _chat_growing_arguments(begin: str, piece: str, end: str, **every: Any) -> Stream:
    def stream(n: int) -> Iterator[bytes]:
        first = chat.call(0, "call_1", name="f", arguments=begin)
        more = [{**chat.call(0, arguments=x), **every} for x in (*[piece] * n, end)]
        sent = [chat.chunk(tool_calls=[one]) for one in (first, *more)]
        return _by_frame(*_answer(*sent, reason="tool_calls"))

    return stream


def _chat_made_up_ids(n: int) -> Iterator[bytes]:
    pieces = ['{"a": "', *[_WORD] * n, '"}']
    sent = [
        chat.chunk(tool_calls=[chat.call(0, f"call_{x}", name="f", arguments=piece)])
        for x, piece in enumerate(pieces)
    ]
    return _by_frame(*_answer(*sent, reason="tool_calls"))


def _chat_pieces_that_begin(n: int) -> Iterator[bytes]:
    pieces = ['{"a": [', *['{"b": 1},'] * n, "0]}"]
    sent = [
        chat.chunk(tool_calls=[chat.call(0, f"call_{x}", name="f", arguments=piece)])
        for x, piece in enumerate(pieces)
    ]
    return _by_frame(*_answer(*sent, reason="tool_calls"))


def _chat_repeated_names(n: int) -> Iterator[bytes]:
    first = chat.call(0, name="f", arguments='{"a": "')
    more = [chat.call(0, name="f", arguments=x) for x in (*["} "] * n, '"}')]
    sent = [chat.chunk(tool_calls=[one]) for one in (first, *more)]
    return _by_frame(*_answer(*sent, reason="tool_calls"))


def _chat_texts(n: int) -> Iterator[bytes]:
    return _by_frame(*_answer(*[chat.chunk(content=_WORD) for _ in range(n)]))


def _chat_content_parts(n: int) -> Iterator[bytes]:
    parts = [{"type": "text", "text": _WORD}] * n
    return _by_frame(*_answer(chat.chunk(content=parts)))


def _chat_switching(n: int) -> Iterator[bytes]:
    def sent(_: int) -> list[Frame]:
        thought, said = chat.chunk(reasoning_content=_WORD), chat.chunk(content=_WORD)
        return [thought, said, chat.chunk(refusal=_WORD)]

    return _by_frame(*_answer(*_many(sent, n)))


def _chat_reasoning_details(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        detail = {"type": "reasoning.text", "text": _WORD, "index": x, "id": f"r{x}"}
        return [chat.chunk(reasoning_details=[detail])]

    return _by_frame(*_answer(*_many(sent, n), *_chat_end_call()))


def _chat_signatures(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        block = {"type": "thinking", "thinking": _WORD, "signature": f"s{x}"}
        return [chat.chunk(thinking_blocks=[block], reasoning_content=_WORD, f=x)]

    return _by_frame(*_answer(*_many(sent, n), *_chat_end_call()))


def _chat_end_call() -> list[Frame]:
    return [chat.chunk(tool_calls=_chat_calls(1))]


def _chat_other_choices(n: int) -> Iterator[bytes]:
    sent = [{"index": x, "delta": {"content": _WORD}} for x in range(n)]
    return _by_frame(*_answer(chat.choices(*sent), *[chat.choices(one) for one in sent]))


def _chat_annotations(n: int) -> Iterator[bytes]:
    def sent(x: int) -> list[Frame]:
        page = {"type": "url_citation", "url_citation": {"url": f"u{x}", "title": "t"}}
        return [chat.chunk(annotations=[page])]

    return _by_frame(*_answer(*_many(sent, n), chat.chunk(content=_WORD)))


def _chat_citations(n: int) -> Iterator[bytes]:
    sent = [chat.choices(citations=[f"u{x}" for x in range(n)])]
    return _by_frame(*_answer(chat.chunk(content=_WORD), *sent))


def _chat_usage(n: int) -> Iterator[bytes]:
    return _by_frame(*_answer(*[chat.choices(usage=chat.USAGE) for _ in range(n)]))


def _chat_lines(n: int) -> Iterator[bytes]:
    lines = [json.dumps(chat.chunk(content=_WORD)[1]) for _ in range(n)]
    return iter([("data: " + "\ndata: ".join(lines) + "\n\n").encode(), *_by_frame(*_answer())])


def _chat_messages(n: int) -> Iterator[bytes]:
    told = [{"index": x, "delta": {"role": "tool", "content": _WORD}} for x in range(n)]
    return _by_frame(*_answer(chat.choices({"index": 0, "messages": told})))


def _chat_finish_reasons(n: int) -> Iterator[bytes]:
    return _by_frame(*_answer(*[chat.stop() for _ in range(n)]))


# --- The table --------------------------------------------------------------------------

_ASSISTANTS: dict[str, Stream] = {
    "calls in one frame": _calls_in_one_frame,
    "calls without index": _calls_without_index,
    "calls stated again at the end": _calls_at_the_end,
    "calls from last to first": _calls_backwards,
    "calls whose fragments alternate": _calls_interleaved,
    "calls that are required": _calls_required,
    "calls that are only required": _calls_only_required,
    "required actions in one step": _requires_again,
    "required actions in many steps": _requires_in_steps,
    "steps": _steps,
    "steps left open": _steps_left_open,
    "messages": _messages,
    "messages left open": _messages_left_open,
    "messages that end under other ids": _messages_renamed,
    "messages that only end": _ends_of_nothing,
    "runs": _runs,
    "parts": _parts,
    "parts from last to first": _parts_backwards,
    "parts that alternate": _parts_interleaved,
    "parts in one frame": _parts_in_one_frame,
    "parts without index": _parts_without_index,
    "annotations": _annotations,
    "annotations without index": _annotations_without_index,
    "annotations in one frame": _annotations_in_one_frame,
    "outputs of code": _code_outputs,
    "keys of an unknown part": _unknown_part,
    "keys inside an unknown part": _unknown_part_nested,
    "keys of an unknown call": _unknown_call,
    "unknown keys": _extra_keys,
    "unknown events": _unknown_events,
    "deltas with alternating ids": _alternating_ids,
    "deltas": lambda n: _by_frame(*_texts(n)),
    "halves of pairs": _halves,
    "halves that stay alone": _lone_halves,
    "bytes of a frame, one by one": _one_byte_chunks,
    "bytes of a frame, in small chunks": _small_chunks,
    "frames in one chunk": _many_frames_in_a_chunk,
    "frames with CRLF in one chunk": _shapes_in_a_chunk("\r\n", named=True),
    "frames without names in one chunk": _shapes_in_a_chunk("\n", named=False),
    "frames that are not UTF-8": _not_utf_8,
    "comments": _comments,
    "comments with blank lines": _comment_blocks,
    "comments inside a frame": _comments_in_a_frame,
    "ignored lines": _ignored_lines,
    "blank lines": _blank_lines,
    "lines of data": _data_lines,
    "lines without blank ones": _no_blank_lines,
    "bytes without line ends": _no_line_ends,
    "lines that end with CR": _carriage_returns,
    "retry and id lines": _retry_lines,
}

_RESPONSES: dict[str, Stream] = {
    **{
        f"{kind}, {how}": make(item)
        for kind, item in _ITEMS.items()
        for how, make in {
            "whole": _whole_items,
            "without indexes": _items_without_indexes,
            "only at the end": _items_only_at_the_end,
            "ended backwards": _items_ended_backwards,
            "left open": _items_left_open,
            "with changing ids": _items_renamed,
            "with one id": _items_of_one_name,
            "at one index": _items_of_one_place,
            "without ids": _items_without_ids,
        }.items()
    },
    "calls that were answered": _answered_calls,
    "calls of custom tools": _custom_calls,
    "parts": _response_parts,
    "parts whose indexes drift": _response_parts_drifting,
    "deltas": _response_texts,
    "annotations": _response_annotations,
    "deltas of arguments": _response_arguments,
    "texts of reasoning": _response_reasoning("reasoning_text"),
    "texts of a summary": _response_reasoning("reasoning_summary_text"),
    "heartbeats": _heartbeats,
    "statuses": _statuses,
    "unknown types": _unknown_types,
}

_CHAT: dict[str, Stream] = {
    "calls in one frame": _chat_one_frame,
    "calls": _chat_each(lambda x: chat.call(x, f"call_{x}", name="f", arguments="{}")),
    "calls without index": _chat_each(
        lambda x: chat.call(None, f"call_{x}", name="f", arguments="{}")
    ),
    "calls without id": _chat_each(lambda x: chat.call(x, name="f", arguments="{}")),
    "calls with neither": _chat_each(lambda _: chat.call(name="f", arguments="{}")),
    "calls at one index": _chat_each(lambda x: chat.call(0, f"call_{x}", name="f", arguments="{}")),
    "calls from last to first": _chat_each(
        lambda x: chat.call(10**6 - x, f"call_{x}", name="f", arguments="{}")
    ),
    "calls that are unfinished": _chat_each(
        lambda x: chat.call(0, f"call_{x}", name=f"f_{x}", arguments='{"a"')
    ),
    "calls of one name that are unfinished": _chat_each(
        lambda x: chat.call(x, f"call_{x}", name="f", arguments='{"a"')
    ),
    "calls whose fragments alternate": _chat_interleaved,
    "calls stated again as a whole": _chat_whole_again,
    "calls stated again under other ids": _chat_whole_without_ids,
    "arguments without calls": _chat_each(lambda x: chat.call(x, arguments="{}")),
    "ids without names": _chat_each(lambda x: chat.call(x, f"call_{x}")),
    "new indexes without names": _chat_each(
        lambda x: (
            chat.call(x, "call_1", name="f", arguments='{"a": "')
            if x == 0
            else chat.call(x, arguments="}")
        )
    ),
    "pieces of a name": _chat_each(
        lambda x: chat.call(0, "call_1", name=f"f_{x % 7}", arguments="")
    ),
    "deltas of arguments": _chat_growing_arguments('{"a": "', _WORD, '"}'),
    "deltas of arguments that seem to end": _chat_growing_arguments('{"a": "', "} ", '"}'),
    "deltas of arguments with made-up ids": _chat_made_up_ids,
    "deltas of arguments that seem to begin": _chat_pieces_that_begin,
    "deltas of arguments with the name": _chat_repeated_names,
    "deltas": _chat_texts,
    "content parts": _chat_content_parts,
    "stretches of reasoning": _chat_switching,
    "reasoning details": _chat_reasoning_details,
    "signatures": _chat_signatures,
    "other choices": _chat_other_choices,
    "annotations": _chat_annotations,
    "citations": _chat_citations,
    "usages": _chat_usage,
    "chunks in one frame": _chat_lines,
    "messages in one chunk": _chat_messages,
    "finish reasons": _chat_finish_reasons,
}

#: Maps a dialect and what there is N of to the function that makes such a stream.
STREAMS: dict[tuple[str, str], Stream] = {
    **{("assistants", kind): make for kind, make in _ASSISTANTS.items()},
    **{("responses", kind): make for kind, make in _RESPONSES.items()},
    **{("chat", kind): make for kind, make in _CHAT.items()},
}
