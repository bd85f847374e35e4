from typing import Any

import pytest

from offhook.providers.openai_usage import chat_usage, count, transcription_usage
from offhook.providers.usage import Usage


def test_tokens_from_the_cache_are_not_counted_twice() -> None:
    told = {
        "prompt_tokens": 120,
        "completion_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 12},
    }
    assert chat_usage({"usage": told, "choices": []}) == Usage(text_in=20, text_cached=100, text_out=30)


@pytest.mark.parametrize("usage", [None, [], "many", 7])
def test_a_chunk_that_tells_nothing(usage: Any) -> None:
    assert chat_usage({"usage": usage}) is None
    assert transcription_usage({"usage": usage}) is None
    assert chat_usage({}) is None


def test_more_from_the_cache_than_there_is() -> None:
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 99}}
    assert chat_usage({"usage": usage}) == Usage(text_cached=10)


@pytest.mark.parametrize("number", [-1, "7", 1.5, None])
def test_what_is_no_number_of_tokens(number: Any) -> None:
    assert count({"n": number}, "n") == 0
    assert count(None, "n") == 0


def test_a_transcription_billed_by_its_length() -> None:
    usage = {"type": "duration", "seconds": 2.5}
    assert transcription_usage({"usage": usage}, "w") == Usage(seconds=2.5, transcribed_by="w")


@pytest.mark.parametrize("seconds", [0, -1, None, "long"])
def test_a_length_that_is_none(seconds: Any) -> None:
    assert transcription_usage({"usage": {"type": "duration", "seconds": seconds}}) is None


def test_a_transcription_billed_by_its_tokens() -> None:
    details = {"audio_tokens": 20, "text_tokens": 3}
    usage = {"type": "tokens", "input_tokens": 23, "output_tokens": 9, "input_token_details": details}
    assert transcription_usage({"usage": usage}) == Usage(audio_in=20, text_in=3, text_out=9)
    assert transcription_usage({"usage": {"type": "tokens", "input_tokens": 23}}) == Usage(audio_in=23)
    assert transcription_usage({"usage": {"type": "tokens"}}) is None
