"""The headers that authenticate a request, and mistakes in keys and credentials."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stream_core.client.auth import bearer, comes_with, given, key_header, token

SCOPE = "https://a.example/.default"

UNSENDABLE = pytest.mark.parametrize(
    "key", ["secret\n", " secret", "sec ret", "sécret", "sec\x00ret"]
)


class Credential:
    """A credential like azure-identity's; it returns another token at each call."""

    def __init__(self, *tokens: Any) -> None:
        self.tokens = list(tokens)
        self.scopes: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str, **_: object) -> Any:
        self.scopes.append(scopes)
        return SimpleNamespace(token=self.tokens.pop(0), expires_on=0)


class NotOne:
    """Has an attribute of that name."""

    get_token = 1


class Late:
    """A credential like those of azure.identity.aio."""

    async def get_token(self, *scopes: str) -> Any: ...


def test_a_key_is_a_bearer_token_or_a_header() -> None:
    """A function is called at each request."""
    keys = iter(["one", "two"])
    ask = bearer(lambda: next(keys))
    assert [{"Authorization": "Bearer one"}, {"Authorization": "Bearer two"}] == [ask(), ask()]
    assert {"Authorization": "Bearer key"} == bearer("key")()
    assert {"api-key": "key"} == key_header("api-key", "key")()
    assert {"api-key": "new"} == key_header("api-key", lambda: "new")()


def test_an_empty_bearer_key_is_none() -> None:
    """A server of one's own may need no key."""
    assert bearer("")() == {} == bearer(lambda: "")()


def test_a_credential_is_asked_for_its_scope_at_each_call() -> None:
    """Tokens last an hour; the credential knows when it needs a new one."""
    credential = Credential("one", "two")
    ask = token(credential, SCOPE)
    assert [] == credential.scopes
    assert [{"Authorization": "Bearer one"}, {"Authorization": "Bearer two"}] == [ask(), ask()]
    assert [(SCOPE,), (SCOPE,)] == credential.scopes


def test_a_function_can_be_the_credential() -> None:
    """A credential may be a function, as from ``azure.identity.get_bearer_token_provider``."""
    tokens = iter(["one", "two"])
    ask = token(lambda: next(tokens), SCOPE)
    assert [{"Authorization": "Bearer one"}, {"Authorization": "Bearer two"}] == [ask(), ask()]


def test_what_cannot_be_asked_is_no_credential() -> None:
    """It is refused when given, with a remedy; only its type is shown, as it may be a key."""
    with pytest.raises(TypeError, match=r"of type str: .*get_token.* pass a key as api_key") as no:
        token("secret", SCOPE)  # type: ignore[arg-type]  # the test is that it is wrong
    assert "secret" not in str(no.value)
    with pytest.raises(TypeError, match="of type NotOne"):
        token(NotOne(), SCOPE)  # type: ignore[arg-type]  # as above


def test_an_async_credential_is_refused_by_name() -> None:
    """Its result would be a coroutine instead of a token."""

    async def late() -> str:
        return "token"

    with pytest.raises(TypeError, match=r"\(Late\) is async.*azure\.identity instead"):
        token(Late(), SCOPE)  # type: ignore[arg-type]  # a type checker sees it too
    with pytest.raises(TypeError, match="is async"):
        token(late, SCOPE)  # type: ignore[arg-type]  # the test is that it is wrong


@UNSENDABLE
def test_what_no_header_can_carry_is_refused_unseen(key: str) -> None:
    """The error says which of the two it is, and does not show it."""
    for ask, what in (
        (bearer(key), "API key"),
        (key_header("api-key", key), "API key"),
        (token(Credential(key), SCOPE), "token"),
        (token(lambda: key, SCOPE), "token"),
    ):
        with pytest.raises(ValueError, match=f"the {what} contains .*: strip it") as caught:
            ask()
        assert "ret" not in str(caught.value)


def test_what_is_no_text_is_refused_by_its_type() -> None:
    """For example the whole result of ``get_token``, instead of its ``token``."""
    answer = SimpleNamespace(token=f"sec{0}ret")
    wrong: dict[str, Any] = {"ask": lambda: answer}
    with pytest.raises(TypeError, match="the token is of type SimpleNamespace") as caught:
        token(wrong["ask"], SCOPE)()
    assert "ret" not in str(caught.value)


def test_what_is_not_given_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first name that is set counts; a given value comes first, even an empty string."""
    monkeypatch.setenv("UNSET_1", "")
    monkeypatch.setenv("SET_2", "two")
    monkeypatch.setenv("SET_3", "three")
    assert "two" == given(None, "UNSET_0", "UNSET_1", "SET_2", "SET_3")
    assert None is given(None, "UNSET_0", "UNSET_1")
    assert ("", "x") == (given("", "SET_2"), given("x", "SET_2"))


@pytest.mark.parametrize(
    ("session", "headers", "expected"),
    [
        (None, None, False),
        (None, {}, False),
        (None, {"X-Team": "a"}, False),
        (None, {"AUTHORIZATION": "Bearer x"}, True),
        (None, {"Api-Key": "x"}, True),
        (object(), None, True),
    ],
)
def test_a_session_or_a_header_may_say_who_asks(
    session: object, headers: dict[str, str | None] | None, *, expected: bool
) -> None:
    """The session's own authentication is not examined."""
    assert expected is comes_with(session, headers)
