from offhook.audio.formats import PCM_8K
from offhook.calls.conversation import Conversation
from offhook.calls.track import Track
from offhook.providers.llm.base import Message, ToolCall
from offhook.providers.tts.base import WordTime


def test_only_heard_words_of_an_interrupted_utterance_stay() -> None:
    conversation = Conversation()
    track = Track(PCM_8K, text="We open at eight.")
    track.append(bytes(16 * 400), (WordTime(0, 2, 0, 90), WordTime(3, 7, 100, 190), WordTime(8, 10, 200, 290)))
    conversation.agent_says(track)
    assert conversation.messages() == [Message("agent", "We open at eight.")]
    track.hear(PCM_8K.bytes_in(160))
    track.interrupted = True
    assert conversation.messages() == [Message("agent", "We open", interrupted=True)]


def test_unheard_utterances_vanish_and_tools_stay() -> None:
    conversation = Conversation()
    unheard, calling = Track(PCM_8K, text="Never said", interrupted=True), Track(PCM_8K)
    call = ToolCall("1", "end_call", {})
    conversation.agent_says(unheard)
    conversation.caller_said("Bye.")
    conversation.agent_says(calling)
    conversation.agent_calls(calling, (call,))
    conversation.tool_returned("1", "{}")
    conversation.caller_keyed("12#")
    assert conversation.messages() == [
        Message("caller", "Bye."),
        Message("agent", tool_calls=(call,)),
        Message("tool", "{}", tool_call_id="1"),
        Message("caller", keypad="12#"),
    ]


def test_a_late_result_stands_behind_the_utterance_that_asked_for_it() -> None:
    conversation = Conversation()
    calling = Track(PCM_8K, text="One moment.")
    first, second = ToolCall("1", "look_up", {}), ToolCall("2", "look_up", {})
    conversation.agent_says(calling)
    conversation.agent_calls(calling, (first, second))
    conversation.tool_returned("1", "{}")
    conversation.caller_said("Hello?")
    conversation.tool_returned("2", "[]")
    assert [(message.role, message.tool_call_id) for message in conversation.messages()] == [
        ("agent", ""),
        ("tool", "1"),
        ("tool", "2"),
        ("caller", ""),
    ]


def test_an_utterance_has_its_place_before_its_words() -> None:
    conversation = Conversation()
    entry = conversation.caller_speaks()
    conversation.caller_said("Later.")
    assert [message.text for message in conversation.messages()] == ["Later."]
    entry.text = " First. "
    assert [message.text for message in conversation.messages()] == ["First.", "Later."]


def test_what_broke_off_is_unfinished_until_something_follows() -> None:
    conversation = Conversation()
    track = Track(PCM_8K, text="We open at")
    conversation.agent_says(track)
    conversation.agent_broke_off(track)
    assert conversation.messages() == [Message("agent", "We open at", unfinished=True)]
    conversation.caller_said("Yes?")
    assert conversation.messages()[0] == Message("agent", "We open at")


def test_a_result_takes_the_place_of_what_was_said_of_it_before() -> None:
    conversation = Conversation()
    asking = Track(PCM_8K)
    conversation.agent_says(asking)
    conversation.agent_calls(asking, (ToolCall("1", "look_up", {}),))
    conversation.tool_returned("1", '"still running"')
    conversation.caller_said("Hello?")
    conversation.tool_returned("1", "7")
    assert [message.role for message in conversation.messages()] == ["agent", "tool", "caller"]
    assert conversation.messages()[1].text == "7"


def test_a_note_stands_where_it_was_made() -> None:
    conversation = Conversation()
    conversation.caller_said("Hello?")
    conversation.note("Hurry.")
    conversation.caller_said("Well?")
    assert [(each.role, each.text) for each in conversation.messages()][1:] == [("note", "Hurry."), ("caller", "Well?")]
