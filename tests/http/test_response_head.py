"""The head of a response: errors, waits and request ids."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from stream_core import errors
from stream_core.http.response_head import STATUS_ERRORS, request_id, retry_after, status_error

URL = "http://server/v1/threads"


def made(status: int = 400, data: bytes = b"", **headers: str) -> errors.APIStatusError:
    """Return the error for an answer; headers are given with underscores."""
    sent = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return status_error(status, "Some Reason", sent, data, url=URL)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (300, errors.APIStatusError),
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (405, errors.APIStatusError),
        (409, errors.ConflictError),
        (422, errors.UnprocessableEntityError),
        (429, errors.RateLimitError),
        (499, errors.APIStatusError),
        (500, errors.InternalServerError),
        (503, errors.InternalServerError),
        (529, errors.InternalServerError),
    ],
)
def test_each_status_has_its_class(status: int, expected: type[errors.APIStatusError]) -> None:
    """The class shows the status, and the error has it as a number too."""
    error = made(status)
    assert expected is type(error)
    assert status == error.status_code


def test_the_table_has_every_class_that_stands_for_one_status() -> None:
    """No class of the tree is forgotten; the only one not in the table is for 5xx."""
    missing = set(errors.APIStatusError.__subclasses__()) - set(STATUS_ERRORS.values())
    assert {errors.InternalServerError} == missing


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        # OpenAI
        (
            {"error": {"message": "No.", "code": "no_key", "type": "t", "param": None}},
            "No.",
            "no_key",
        ),
        ({"error": {"message": "No.", "code": None, "type": "t"}}, "No.", None),
        # Azure's services, and its gateway
        ({"error": {"code": "Unauthorized", "message": "Denied."}}, "Denied.", "Unauthorized"),
        ({"statusCode": 401, "message": "Access denied."}, "Access denied.", None),
        # bare; vLLM, whose code is a number; FastAPI; Ollama
        ({"message": "No.", "code": "bad", "type": "t"}, "No.", "bad"),
        ({"object": "error", "message": "No model.", "code": 404}, "No model.", "404"),
        ({"detail": "Not Found"}, "Not Found", None),
        ({"error": "model not found"}, "model not found", None),
        # nothing that can be read: the body's start stands for it
        (
            {"error": {"message": None, "code": "c"}},
            '{"error": {"message": null, "code": "c"}}',
            "c",
        ),
        ({"detail": [{"loc": ["body"]}]}, '{"detail": [{"loc": ["body"]}]}', None),
        ({"error": None}, '{"error": null}', None),
        ([1], "[1]", None),
    ],
)
def test_message_and_code_come_from_every_shape_of_body(
    body: Any, message: str, code: str | None
) -> None:
    """The wrapped, the bare and the malformed bodies of known servers are read."""
    error = made(400, json.dumps(body).encode())
    assert (message, code, body) == (error.message, error.code, error.body)


def test_a_body_that_is_not_json_is_quoted_and_kept() -> None:
    """The message has its first 200 characters, and ``body`` has all of it."""
    page = "<html>" + "x" * 500
    error = made(502, page.encode())
    assert (page[:200], page) == (error.message, error.body)


def test_an_empty_body_leaves_the_reason() -> None:
    """If the server sends no message, HTTP's reason phrase is used."""
    error = made(404)
    assert ("Some Reason", "") == (error.message, error.body)


def test_an_answer_without_any_words_says_so() -> None:
    """An error always has a sentence."""
    assert "no explanation" == status_error(404, "", {}, b" ", url=URL).message


def test_a_body_that_is_not_utf8_is_still_text() -> None:
    """Bytes that are not UTF-8 are replaced, and a byte order mark is dropped."""
    assert "caf\ufffd" == made(500, b"caf\xe9").message
    assert "No." == made(500, b'\xef\xbb\xbf{"message": "No."}').message


def test_a_redirect_names_the_address() -> None:
    """With a wrong base address, the error has the right one."""
    error = made(301, b"<html>", location="https://other/v1/threads")
    assert "redirected to https://other/v1/threads" in error.message
    assert "base_url" in error.message


def test_the_facts_are_in_the_attributes() -> None:
    """Request id, headers and address are kept; headers are found in any case."""
    error = made(500, b"", X_Request_Id="req_1")
    assert ("req_1", URL) == (error.request_id, error.url)
    assert "req_1" == error.headers["X-REQUEST-ID"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-request-id": "a", "apim-request-id": "b"}, "a"),
        ({"x-ms-request-id": "c", "apim-request-id": "b"}, "b"),
        ({"x-ms-request-id": "c"}, "c"),
    ],
)
def test_the_request_id_has_several_names(headers: dict[str, str], expected: str | None) -> None:
    """OpenAI's header comes first, then those of Azure."""
    assert expected == request_id(headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7\t"}, 7.0),
        ({"retry-after": "0.5"}, None),
        ({"retry-after": "1_0"}, None),
        ({"retry-after": "+1"}, None),
        ({"retry-after": "\uff11"}, None),
        ({"retry-after": "1e3"}, None),
        ({"retry-after": "7, 8"}, None),
        ({"retry-after": "9" * 5000}, 2.0**31),
        ({"retry-after-ms": " 1.5 "}, 0.0015),
        ({"retry-after-ms": "1_0"}, None),
        ({"retry-after-ms": "-1"}, None),
        ({"retry-after-ms": "1e3"}, None),
        ({"retry-after-ms": "9" * 5000}, 2.0**31),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
    ],
)
def test_the_wait_is_read_from_seconds_milliseconds_or_a_date(
    headers: dict[str, str], expected: float | None
) -> None:
    """Digits or a date, as RFC 9110 has it; anything else gives no wait, never an exception."""
    assert expected == retry_after(headers)


def test_a_date_to_come_is_a_wait_from_now() -> None:
    """An HTTP date is turned into the seconds until then."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    wait = retry_after({"retry-after": date})
    assert wait is not None
    assert 3500 < wait <= 3600


def test_a_rate_limit_has_its_wait() -> None:
    """A 429 carries the wait that the server asks for."""
    error = made(429, b"", retry_after="2")
    assert isinstance(error, errors.RateLimitError)
    assert 2.0 == error.retry_after


def test_no_header_and_no_body_makes_it_fail() -> None:
    """Any bytes in any place give an error of the tree."""
    chance = random.Random(7)
    for _ in range(300):
        data = chance.randbytes(chance.randrange(40))
        text = "".join(chance.choices("0123456789 :,.+-eWedOctGMT\x00\u00ff", k=12))
        error = made(chance.choice([307, 401, 429, 500]), data, retry_after=text, location=text)
        assert str(error)
