import pytest

from offhook.providers.tts.base import WordTime
from offhook.simulator.clouds.openai_entries import Entries, Entry
from offhook.simulator.clouds.openai_session import Wrong

WORDS = [WordTime(0, 3, 0, 120), WordTime(4, 7, 160, 280)]


def said(item_id: str = "a") -> Entry:
    content = [{"type": "output_audio", "transcript": "One two"}]
    item = {"id": item_id, "type": "message", "role": "assistant", "content": content}
    return Entry(item, "One two", 320, list(WORDS))


def heard(item_id: str = "u", text: str = "Hi.") -> Entry:
    return Entry({"id": item_id, "type": "message", "role": "user", "content": []}, text, 1_500)


def test_items_know_what_is_before_them() -> None:
    entries = Entries()
    assert [entries.add(heard("u")), entries.add(said("a")), entries.add(heard("v"))] == [None, "u", "a"]
    entries.delete("v")
    assert entries.add(heard("w")) == "a"
    assert [entry.id for entry in entries] == ["u", "a", "w"]


@pytest.mark.parametrize(
    ("end_ms", "kept"), [(0, ""), (119, ""), (120, "One"), (279, "One"), (280, "One two"), (320, "One two")]
)
def test_words_whose_sound_was_heard_are_kept(end_ms: int, kept: str) -> None:
    entries = Entries()
    entries.add(said())
    entries.truncate({"item_id": "a", "content_index": 0, "audio_end_ms": end_ms})
    entry = entries.get("a", "")
    assert entry.kept_text == kept
    assert entry.item["content"] == [{"type": "output_audio"}]
    assert entry.tokens == (0, round(end_ms / 1000 * 20))


def test_audio_counts_by_its_time_and_text_by_its_words() -> None:
    assert (said().tokens, heard().tokens) == ((0, 6), (0, 15))
    assert Entry({"id": "t", "type": "message", "role": "user"}, "one two three").tokens == (3, 0)


def test_what_is_too_long_by_a_millisecond_is_refused() -> None:
    entries = Entries()
    entries.add(said())
    with pytest.raises(Wrong, match="Audio content of 320ms is already shorter than 321ms"):
        entries.truncate({"item_id": "a", "content_index": 0, "audio_end_ms": 321})


def test_the_conversation_as_the_brain_reads_it() -> None:
    entries = Entries()
    entries.add(heard())
    entries.add(said())
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    entries.add(entries.accept(call, "i1"))
    entries.add(entries.accept({"type": "function_call_output", "call_id": "c1", "output": "seen"}, "i2"))
    entries.add(heard("silent", ""))
    function = {"name": "look", "arguments": "{}"}
    assert entries.messages() == [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": "One two"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c1", "content": "seen"},
    ]


def test_an_item_may_bring_its_id() -> None:
    entries = Entries()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]}
    assert entries.accept(item, "made").id == "made"
    assert entries.accept({**item, "id": "given"}, "made").id == "given"
    assert entries.accept(item, "made").text == "Hi."
