"""What servers really send, apart from what is documented: the table of docs/what-servers-send.md.

Rules of this file:

- A row is a manner of sending: who does it, and what becomes of it. ``cases`` names the streams
  that have it, which whole/test_cases.py reads; ``tests`` names the functions that try its
  neighbours.
- The sentences are cells of a table: no line breaks, no bars.
- ``python -m tests.support.manners`` writes the tables of the page.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import attrs

from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = ROOT / "docs" / "what-servers-send.md"


@attrs.frozen
class Manner:
    """One manner of sending.

    Attributes:
        servers: Who was seen to send like this.
        manner: What they send.
        meaning: What we make of it.
        cases: The names of streams that have it.
        tests: The names of test functions that show it with other fields, indexes and orders.
    """

    servers: str
    manner: str
    meaning: str
    cases: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


#: By section of the page.
MANNERS: dict[str, tuple[Manner, ...]] = {
    "text": (
        Manner(
            "gpt-oss on vLLM and Bedrock, older vLLM (Responses)",
            "`content_index` counts on after the reasoning, or grows with every delta, while the "
            "final item lists one part at 0",
            "one part, and its text once",
            ("r_content_index_one",),
        ),
        Manner(
            "gateways (Responses)",
            "an item has the id of the reasoning before it, an empty id, or another index at its "
            "end",
            "one message, once",
        ),
        Manner(
            "servers that cut text by UTF-16 units",
            "the two halves of a surrogate pair come in two deltas",
            "the character is delivered with the second; a half that stays alone is U+FFFD",
            ("surrogates_split",),
        ),
        Manner(
            "Copilot, Envoy AI Gateway, Databricks, Mistral (Chat)",
            "`delta.reasoning_text`; `reasoning_content` as an object; content parts of type "
            "`reasoning` or `thinking`",
            "the callbacks for reasoning or its summary, never the answer",
            (
                "think_copilot_reasoning_text",
                "think_object_envoy",
                "think_databricks_summary",
                "think_databricks_text",
            ),
        ),
        Manner(
            "OpenRouter, Groq, Azure On Your Data, Mistral (Chat)",
            "only signatures or encrypted reasoning; `executed_tools`; `context` in a later "
            "chunk; content parts of type `reference`",
            "an extension event with what was sent",
            (
                "openrouter_encrypted_reasoning",
                "groq_executed_tools",
                "cite_azure_context_later",
                "content_mistral_reference",
            ),
        ),
        Manner(
            "Azure extensions (Chat)",
            'a delta with the role `"tool"` has citations as its content',
            "an extension event; it is not the answer",
            ("role_tool_is_no_answer",),
        ),
        Manner(
            "gateways that fake a stream, old Azure, servers of `/v1/completions` (Chat)",
            "one whole `chat.completion` in a stream; `messages` with deltas in a choice; "
            "`text_completion` chunks",
            "the text is delivered",
            ("whole_message_in_stream", "cite_azure_old_messages", "text_completion_auto"),
        ),
        Manner(
            "gateways (Responses)",
            "`output_text` at the top and an empty `output`; `response.text.delta` as a name",
            "the text is delivered",
            ("r_output_text_only", "r_text_delta_alias"),
        ),
        Manner(
            "OpenRouter (Chat), Azure AI Foundry (Responses)",
            "annotations with keys that nobody documents",
            "they are in `extra` of the annotation",
            ("cite_openrouter_snippet", "r_citation_get_url"),
        ),
    ),
    "calls": (
        Manner(
            "Qwen, parallel calls on every wire",
            "fragments of several calls in turn, each under its index",
            "each call is done once, with all of its arguments",
            ("calls_proper_index_interleaved",),
        ),
        Manner(
            "Ollama (Chat)",
            "fragments of several calls in turn, all under index 0, each with its id",
            "the id decides",
            ("calls_same_index_interleaved_ids",),
        ),
        Manner(
            "vLLM (Chat)",
            "every fragment of a call has a fresh id, and the name again",
            "one call, as long as its arguments are not complete",
            ("calls_new_id_and_name_each_fragment",),
        ),
        Manner(
            "Qwen on vLLM (Chat)",
            "neither ids nor indexes; a name with empty arguments begins each call",
            "calls with ids made up here, unique over all rounds",
            ("calls_no_id_empty_args_first",),
        ),
        Manner(
            "gateways (Chat)",
            "an index that is the text of a number; a name in pieces",
            "read as what they mean",
            ("calls_index_string", "calls_name_in_pieces"),
        ),
        Manner(
            "gateways (Chat)",
            "all arguments once more after the fragments, or all of them so far in each",
            "the arguments once; if no reading makes them JSON, the call is an error of the "
            "tool, and nothing runs",
            ("calls_arguments_resent_whole", "calls_arguments_cumulative"),
        ),
        Manner(
            "vLLM (Chat)",
            "the last fragment of a call comes under the next index, without id and name",
            "it belongs to the call that it completes",
            ("calls_stray_tail_at_next_index",),
        ),
        Manner(
            "Copilot (Responses)",
            "deltas of arguments are encrypted; the final item has them in plain text",
            "`on_tool_call_done` and `run.required_action` have the final ones",
            ("r_copilot_ciphertext",),
        ),
        Manner(
            "Azure agents (Responses)",
            "a `function_call` and its `function_call_output` in one response",
            "the server ran it: nothing is required",
            ("r_answered_call",),
        ),
        Manner(
            "xAI (Responses)",
            "a tool that the server runs is shown as a `custom_tool_call`",
            "nothing is required, if the tools that the response echoes have no custom one",
            ("r_xai_custom_tool_call",),
        ),
        Manner(
            "OpenRouter, Gemini, vLLM, Copilot (Chat)",
            "reasoning, signatures or `extra_content` beside the calls",
            "they go back with the calls in the next round, exactly as sent",
        ),
    ),
    "ends": (
        Manner(
            "llama.cpp and its forks (Chat)",
            "a line `error: {...}` instead of data, then `[DONE]` or nothing",
            "a `ServerError` with its message",
            (
                "error_llamacpp_field_done",
                "error_llamacpp_field_mid_done",
                "error_llamacpp_field_end",
            ),
        ),
        Manner(
            "Groq (Chat)",
            "`x_groq.error` in a chunk",
            "a `ServerError` with its message",
            ("error_x_groq",),
        ),
        Manner(
            "vLLM, SGLang, gateways (Chat)",
            "reasons to finish that OpenAI does not have: `abort`, `max_tokens` ...",
            "failed or incomplete, never a success; the server's own word is in "
            '`run.extra["finish_reason"]`',
            ("finish_abort", "finish_max_tokens"),
        ),
        Manner(
            "proxies",
            "a page of HTML in an event stream",
            "an error that quotes how it begins",
            ("error_html_body",),
        ),
        Manner(
            "OpenAI (Responses)",
            "`error`, and `response.failed` after it",
            "both are delivered, then the stream ends with a `ServerError`",
            ("r_error_then_failed",),
        ),
        Manner(
            "gateways (Responses)",
            "`response.in_progress` or `response.failed` without a response in it",
            "a heartbeat is an extension event; a failure ends the run with its message",
            ("r_in_progress_bare", "r_failed_bare"),
        ),
        Manner(
            "gateways",
            "`data: ping` and other bare words as heartbeats",
            "an unknown event",
            ("ping_data",),
        ),
        Manner(
            "servers in Python, gateways",
            "fields of the wrong type that say nothing needed: a date as text, `-Infinity` "
            "among logprobs",
            "they are in `raw` as sent, and the stream goes on",
            ("created_text", "logprob_infinity"),
        ),
        Manner(
            "LiteLLM, Moonshot (Chat)",
            "`usage: {}` in each chunk; usage inside a choice",
            "an empty one says nothing; one that says something is read wherever it is",
            ("usage_empty_object",),
        ),
        Manner(
            "every server",
            "a frame of which nothing is made: an empty delta, usage alone",
            "an extension event that has its JSON",
        ),
    ),
}

#: Every stream that a row names.
CASES = [name for rows in MANNERS.values() for row in rows for name in row.cases]


def as_table(rows: Iterable[Manner]) -> str:
    """Return ROWS as a Markdown table."""
    head = "| server | manner | what we make of it |\n| --- | --- | --- |\n"
    return head + "".join(f"| {x.servers} | {x.manner} | {x.meaning} |\n" for x in rows)


def with_tables(page: str) -> str:
    """Return PAGE with the tables printed from ``MANNERS``."""
    for name, rows in MANNERS.items():
        marks = rf"(?s)(?<=<!-- {name}:start -->\n).*?(?=<!-- {name}:end -->)"
        page, count = re.subn(marks, lambda _, rows=rows: as_table(rows), page)  # type: ignore[misc]  # mypy cannot type a default of a lambda
        assert 1 == count, f"the page has {count} places for {name}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{PAGE} is up to date.\n")
