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
            tests=(
                "test_content_index_that_is_not_0_or_grows_gives_the_text_once",
                "test_a_final_state_with_as_many_equal_texts_has_two_parts",
            ),
        ),
        Manner(
            "gateways (Responses)",
            "an item has the id of the reasoning before it, an empty id, or another index at its "
            "end",
            "one message, once",
            tests=("test_item_ids_that_repeat_or_are_empty_and_ends_one_higher_are_one_item",),
        ),
        Manner(
            "servers that cut text by UTF-16 units",
            "the two halves of a surrogate pair come in two deltas",
            "the character is delivered with the second; a half that stays alone is U+FFFD",
            ("surrogates_split",),
            tests=(
                "test_halves_of_a_surrogate_pair_meet_whatever_is_between",
                "test_halves_of_a_surrogate_pair_are_delivered_together",
                "test_a_surrogate_pair_split_over_two_deltas_is_whole_whatever_ends_the_text",
                "test_a_surrogate_pair_split_over_two_deltas_is_whole",
            ),
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
            tests=(
                "test_reasoning_under_any_name_and_in_any_form_is_never_the_answer",
                "test_reasoning_that_says_nothing_is_nothing",
                "test_a_part_that_thinks_is_reasoning",
                "test_a_summary_of_reasoning_has_callbacks_of_its_own",
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
            tests=(
                "test_what_has_no_counterpart_is_in_an_event_wherever_it_comes",
                "test_a_choice_without_a_delta_is_an_extension_event",
            ),
        ),
        Manner(
            "Azure extensions (Chat)",
            'a delta with the role `"tool"` has citations as its content',
            "an extension event; it is not the answer",
            ("role_tool_is_no_answer",),
            tests=(
                "test_what_a_tool_says_is_not_the_answer_until_another_role_speaks",
                "test_any_other_role_is_the_answer_s",
            ),
        ),
        Manner(
            "gateways that fake a stream, old Azure, servers of `/v1/completions` (Chat)",
            "one whole `chat.completion` in a stream; `messages` with deltas in a choice; "
            "`text_completion` chunks",
            "the text is delivered",
            ("whole_message_in_stream", "cite_azure_old_messages", "text_completion_auto"),
            tests=(
                "test_a_whole_message_in_a_stream_is_the_answer_once",
                "test_messages_of_old_azure_are_the_answer_and_what_its_tools_said",
                "test_texts_of_completions_are_the_answer",
            ),
        ),
        Manner(
            "gateways (Responses)",
            "`output_text` at the top and an empty `output`; `response.text.delta` as a name",
            "the text is delivered",
            ("r_output_text_only", "r_text_delta_alias"),
            tests=(
                "test_output_text_at_the_top_and_no_output_is_delivered",
                "test_response_text_delta_as_a_name_is_delivered",
            ),
        ),
        Manner(
            "models that refuse (Chat)",
            "a refusal and a text in one answer, in any order",
            "each is a part, created before its deltas and done once",
            tests=("test_parts_are_created_before_their_deltas_and_done",),
        ),
        Manner(
            "OpenRouter (Chat), Azure AI Foundry (Responses)",
            "annotations with keys that nobody documents",
            "they are in `extra` of the annotation",
            ("cite_openrouter_snippet", "r_citation_get_url"),
            tests=(
                "test_unknown_keys_of_annotations_stay_in_them",
                "test_unknown_keys_of_annotations_are_in_extra",
            ),
        ),
    ),
    "calls": (
        Manner(
            "Qwen, parallel calls on every wire",
            "fragments of several calls in turn, each under its index",
            "each call is done once, with all of its arguments",
            ("calls_proper_index_interleaved",),
            tests=(
                "test_fragments_of_two_calls_in_turn_make_each_call_whole",
                "test_interleaved_calls_are_done_once_each_with_whole_arguments",
                "test_calls_interleaved_at_every_fragment_boundary_are_whole",
            ),
        ),
        Manner(
            "Ollama (Chat)",
            "fragments of several calls in turn, all under index 0, each with its id",
            "the id decides",
            ("calls_same_index_interleaved_ids",),
            tests=(
                "test_a_known_id_is_of_its_call_whatever_the_index",
                "test_a_fresh_id_and_another_name_are_another_call",
            ),
        ),
        Manner(
            "vLLM (Chat)",
            "every fragment of a call has a fresh id, and the name again",
            "one call, as long as its arguments are not complete",
            ("calls_new_id_and_name_each_fragment",),
            tests=("test_a_fresh_id_and_the_same_name_go_on_until_the_arguments_are_whole",),
        ),
        Manner(
            "Qwen on vLLM (Chat)",
            "neither ids nor indexes; a name with empty arguments begins each call",
            "calls with ids made up here, unique over all rounds",
            ("calls_no_id_empty_args_first",),
            tests=(
                "test_without_id_and_index_a_fragment_is_of_the_newest_call_or_of_its_place",
                "test_the_same_name_again_is_nothing_before_the_arguments_are_whole",
                "test_made_up_ids_are_unique_over_all_rounds_of_the_conversation",
            ),
        ),
        Manner(
            "gateways (Chat)",
            "an index that is the text of a number; a name in pieces",
            "read as what they mean",
            ("calls_index_string", "calls_name_in_pieces"),
            tests=(
                "test_another_name_without_an_id_is_another_call_unless_it_is_a_piece_of_the_name",
                "test_a_known_id_is_of_its_call_whatever_the_index",
            ),
        ),
        Manner(
            "gateways (Chat)",
            "all arguments once more after the fragments, or all of them so far in each",
            "the arguments once; if no reading makes them JSON, the call is an error of the "
            "tool, and nothing runs",
            ("calls_arguments_resent_whole", "calls_arguments_cumulative"),
            tests=(
                "test_arguments_sent_again_or_cumulatively_are_those_arguments_once",
                "test_calls_in_a_whole_message_after_their_deltas_are_no_others",
                "test_arguments_that_end_as_no_object_run_nothing",
            ),
        ),
        Manner(
            "vLLM (Chat)",
            "the last fragment of a call comes under the next index, without id and name",
            "it belongs to the call that it completes",
            ("calls_stray_tail_at_next_index",),
            tests=(
                "test_a_last_fragment_that_completes_a_call_under_the_next_index_belongs_to_it",
            ),
        ),
        Manner(
            "OpenAI-compatible servers (Chat)",
            'an id that is null, `"null"`, `"None"` or empty; a fresh id alone at the end',
            "it is not an id; an id without a name is nothing",
            tests=(
                "test_null_in_any_dress_is_no_id",
                "test_a_fresh_id_without_a_name_waits_for_it_and_alone_is_nothing",
            ),
        ),
        Manner(
            "Ollama, gateways (Chat)",
            'arguments `"null"`, `""` or null for a function without parameters',
            "it runs",
            tests=("test_a_function_without_parameters_runs_whatever_stands_for_no_arguments",),
        ),
        Manner(
            "Copilot (Responses)",
            "deltas of arguments are encrypted; the final item has them in plain text",
            "`on_tool_call_done` and `run.required_action` have the final ones",
            ("r_copilot_ciphertext",),
            tests=(
                "test_arguments_as_an_object_or_first_in_added_or_in_ciphertext_are_those_of_the_end",
            ),
        ),
        Manner(
            "Azure agents (Responses)",
            "a `function_call` and its `function_call_output` in one response",
            "the server ran it: nothing is required",
            ("r_answered_call",),
            tests=(
                "test_a_function_call_with_its_output_in_one_response_is_not_required",
                "test_a_function_call_with_its_output_makes_no_second_request",
            ),
        ),
        Manner(
            "xAI (Responses)",
            "a tool that the server runs is shown as a `custom_tool_call`",
            "nothing is required, if the tools that the response echoes have no custom one",
            ("r_xai_custom_tool_call",),
            tests=("test_a_custom_tool_call_is_the_servers_only_if_nobody_asked_for_one",),
        ),
        Manner(
            "OpenRouter, Gemini, vLLM, Copilot (Chat)",
            "reasoning, signatures or `extra_content` beside the calls",
            "they go back with the calls in the next round, exactly as sent",
            tests=("test_what_came_with_calls_goes_back_with_them_exactly",),
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
            tests=("test_a_line_that_is_an_error_ends_the_stream_with_its_message",),
        ),
        Manner(
            "Groq (Chat)",
            "`x_groq.error` in a chunk",
            "a `ServerError` with its message",
            ("error_x_groq",),
            tests=("test_an_error_inside_a_chunk_is_one_after_what_came_with_it",),
        ),
        Manner(
            "vLLM, SGLang, gateways (Chat)",
            "reasons to finish that OpenAI does not have: `abort`, `max_tokens` ...",
            "failed or incomplete, never a success; the server's own word is in "
            '`run.extra["finish_reason"]`',
            ("finish_abort", "finish_max_tokens"),
            tests=(
                "test_a_known_word_means_the_same_in_any_spelling",
                "test_an_unknown_word_is_incomplete_but_whole_calls_require_an_action",
                "test_calls_of_an_answer_that_was_cut_are_not_required",
                "test_only_words_of_success_end_as_one",
            ),
        ),
        Manner(
            "proxies",
            "a page of HTML in an event stream",
            "an error that quotes how it begins",
            ("error_html_body",),
            tests=(
                "test_a_page_in_an_event_stream_is_an_error_that_quotes_how_it_begins",
                "test_html_or_another_text_in_an_event_stream_is_quoted",
            ),
        ),
        Manner(
            "OpenAI (Responses)",
            "`error`, and `response.failed` after it",
            "both are delivered, then the stream ends with a `ServerError`",
            ("r_error_then_failed",),
            tests=(
                "test_error_and_then_response_failed_are_both_delivered",
                "test_after_an_error_one_frame_is_waited_for_but_not_for_long",
            ),
        ),
        Manner(
            "gateways that fake a stream (Responses)",
            "a response without an event around it, or with its fields beside the type",
            "it ends the run as its status says, with all of its output",
            tests=("test_a_response_without_an_event_around_it_is_read",),
        ),
        Manner(
            "gateways (Responses)",
            "`response.in_progress` or `response.failed` without a response in it",
            "a heartbeat is an extension event; a failure ends the run with its message",
            ("r_in_progress_bare", "r_failed_bare"),
            tests=(
                "test_a_bare_heartbeat_is_an_event_and_changes_nothing",
                "test_a_bare_end_ends_the_run_as_its_name_says",
                "test_a_bare_failure_is_failed_with_its_message",
            ),
        ),
        Manner(
            "gateways",
            "`data: ping` and other bare words as heartbeats",
            "an unknown event",
            ("ping_data",),
            tests=(
                "test_a_bare_word_is_an_unknown_event",
                "test_bare_words_as_data_are_unknown_events",
                "test_bare_words_and_done_with_a_blank_say_nothing",
            ),
        ),
        Manner(
            "servers in Python, gateways",
            "fields of the wrong type that say nothing needed: a date as text, `-Infinity` "
            "among logprobs",
            "they are in `raw` as sent, and the stream goes on",
            ("created_text", "logprob_infinity"),
            tests=(
                "test_a_field_that_is_not_needed_may_have_any_type",
                "test_numbers_that_json_does_not_have_end_nothing",
                "test_only_needed_fields_can_end_a_stream",
                "test_wrong_typed_fields_that_say_nothing_needed_do_not_end_a_stream",
            ),
        ),
        Manner(
            "LiteLLM, Moonshot (Chat)",
            "`usage: {}` in each chunk; usage inside a choice",
            "an empty one says nothing; one that says something is read wherever it is",
            ("usage_empty_object",),
            tests=(
                "test_an_empty_usage_says_nothing_before_or_after_a_real_one",
                "test_details_of_the_usage_may_have_any_type",
            ),
        ),
        Manner(
            "gateways, servers behind FastAPI, DashScope, MiniMax (Chat)",
            'errors in other dress: `{"type": "error", ...}`, `{"code", "error": "text"}`, '
            "`detail` alone, `success: false`, an event called `exception`, `error` inside a delta",
            "a `ServerError` with message and code, after what came with it",
            tests=(
                "test_a_frame_that_is_an_error_in_any_dress_is_one",
                "test_a_frame_whose_name_is_that_of_an_error_is_one",
                "test_an_error_in_any_dress_is_never_a_success",
            ),
        ),
        Manner(
            "gateways (Chat)",
            '`"error"` that is empty, null, `{}` or says `ok`, in chunks that are good',
            "not an error",
            tests=("test_an_error_that_says_nothing_is_none_wherever_it_stands",),
        ),
        Manner(
            "servers in Python, gateways (Chat)",
            '`finish_reason` null, `"None"` or empty until `[DONE]`, or after the reason',
            "not a reason: `[DONE]` without another one completes the run, the end of the bytes "
            "does not",
            tests=("test_null_in_any_dress_is_no_reason",),
        ),
        Manner(
            "gateways",
            "`[DONE]` with blanks around it, twice, or (Chat) in lower case",
            "the end, once",
            tests=("test_done_with_blanks_or_in_lower_case_is_done",),
        ),
        Manner(
            "servers behind proxies",
            "a good event stream without a content type, or as `application/octet-stream` or "
            "`text/plain`",
            "it is read: what the bytes are counts",
            tests=("test_a_good_stream_is_read_whatever_its_content_type",),
        ),
        Manner(
            "proxies",
            "a content encoding that was not asked for, or that the bytes do not have",
            "plain bytes are read; else the error names the encoding",
            tests=("test_a_content_encoding_is_undone_or_named",),
        ),
        Manner(
            "busy servers, proxies",
            "comments, bare words and empty frames, and nothing else for long",
            "`StreamTimeoutError` after `idle_timeout` of the call or the client: signs of life "
            "are silence",
            tests=(
                "test_signs_of_life_alone_are_silence",
                "test_comments_alone_do_not_keep_a_stream_alive",
            ),
        ),
        Manner(
            "replayed recordings, wrong clocks",
            "dates and `expires_at` that have passed by the clock of the client",
            "nothing expires: the time since the frame counts, or the server's word",
            tests=("test_a_wrong_clock_expires_no_run",),
        ),
        Manner(
            "servers that count as other wires do (Chat)",
            "a usage without a total, with `input_tokens`, or in a frame of its own",
            "it is read; a missing total is the sum",
            tests=("test_a_usage_in_another_form_is_read",),
        ),
        Manner(
            "every server (Chat)",
            "a usage for each round of tools",
            "with `tools=` the run has the sum; by hand each run has its own",
            tests=("test_usage_is_the_sum_with_tools_and_each_round_s_own_by_hand",),
        ),
        Manner(
            "servers of something else",
            "a stream without any frame of the wire",
            "`UnknownWireError` with how it begins, for `auto` and for a wire that was named",
            tests=("test_a_stream_without_a_chunk_is_of_no_known_wire",),
        ),
        Manner(
            "every server",
            "a frame of which nothing is made: an empty delta, usage alone",
            "an extension event that has its JSON",
            tests=(
                "test_of_any_stream_nothing_is_lost_and_calls_are_done_whole",
                "test_every_frame_of_any_stream_has_an_event_with_its_json",
            ),
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
