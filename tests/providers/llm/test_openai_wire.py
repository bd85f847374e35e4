import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.errors import WireError
from offhook.providers.llm.base import Message, ToolCall, ToolSpec
from offhook.providers.llm.openai_wire import EventStream, Reply, Thoughts, chat_messages, chat_tools

BOOK = ToolCall("c1", "book", {"day": "Friday"})
HANG_UP = ToolCall("c2", "hang_up", {})


def test_a_conversation() -> None:
    chat = chat_messages("Be kind.", [Message("agent", "Hello."), Message("caller", "Hi.")])
    assert chat == [
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Hi."},
    ]


def test_no_instructions_no_system_message() -> None:
    assert chat_messages("", [Message("caller", "Hi.")]) == [{"role": "user", "content": "Hi."}]


def test_keys_are_a_note_and_notes_are_explained() -> None:
    system, user = chat_messages("Be kind.", [Message("caller", keypad="123#")])
    assert user == {"role": "user", "content": "[keypad] 123#"}
    assert system["content"].startswith("Be kind.\n\n")
    assert "never say" in system["content"]


def test_speech_and_keys_together() -> None:
    assert chat_messages("", [Message("caller", "It is", keypad="42")])[1]["content"] == "It is\n[keypad] 42"


def test_an_interrupted_utterance_is_what_was_heard() -> None:
    chat = chat_messages("", [Message("agent", "We are open", interrupted=True), Message("caller", "Stop.")])
    assert chat[1]["content"] == "We are open [the caller interrupted here]"


def test_an_utterance_nobody_heard() -> None:
    chat = chat_messages("", [Message("agent", interrupted=True), Message("agent"), Message("caller", "Stop.")])
    assert [message["role"] for message in chat] == ["system", "assistant", "user"]
    assert "before hearing anything" in chat[1]["content"]


def test_tool_calls_and_their_results() -> None:
    chat = chat_messages(
        "",
        [
            Message("agent", "One moment.", tool_calls=(BOOK, HANG_UP)),
            Message("tool", '{"ok":false}', tool_call_id="c2"),
            Message("tool", '{"ok":true}', tool_call_id="c1"),
        ],
    )
    assert [call["function"]["arguments"] for call in chat[0]["tool_calls"]] == ['{"day":"Friday"}', "{}"]
    assert [(m["tool_call_id"], m["content"]) for m in chat[1:]] == [("c1", '{"ok":true}'), ("c2", '{"ok":false}')]


def test_a_call_without_a_result_was_cancelled() -> None:
    chat = chat_messages("", [Message("agent", tool_calls=(BOOK,)), Message("caller", "Wait!")])
    assert chat[0]["content"] is None
    assert chat[1] == {"role": "tool", "tool_call_id": "c1", "content": '{"error":"cancelled"}'}


def test_a_result_without_a_call_is_left_out() -> None:
    assert chat_messages("", [Message("tool", "{}", tool_call_id="c7")]) == []


def test_tools() -> None:
    spec = ToolSpec("book", "Books.", {"type": "object", "properties": {}})
    assert chat_tools([spec])[0]["function"]["name"] == "book"


@given(st.lists(st.integers(1, 12), max_size=40))
def test_events_may_be_cut_anywhere(sizes: list[int]) -> None:
    wire = ': ping\r\n\r\ndata: {"a":"é"}\r\n\r\nevent: x\ndata: 1\ndata:2\n\ndata: [DONE]\n\n'.encode()
    stream, events, position = EventStream(), list[bytes](), 0
    for size in [*sizes, len(wire)]:
        events += stream.feed(wire[position : position + size])
        position += size
    assert [*events, *stream.end()] == ['{"a":"é"}'.encode(), b"1\n2", b"[DONE]"]


def test_an_event_without_its_closing_line() -> None:
    stream = EventStream()
    assert list(stream.feed(b"data: last")) == []
    assert list(stream.end()) == [b"last"]


def test_an_endless_event_is_refused() -> None:
    stream = EventStream()
    with pytest.raises(WireError, match="1 MiB"):
        list(stream.feed(b"data: " + b"x" * (1 << 20)))


@given(st.lists(st.integers(1, 9), max_size=60))
def test_thoughts_are_not_said_however_they_are_cut(sizes: list[int]) -> None:
    text = "<think>Hm, a < b. </thin </think>Yes, <b>we</b> do. <think>x</think>Bye <thi"
    thoughts, said, position = Thoughts(), "", 0
    for size in [*sizes, len(text)]:
        said += thoughts.feed(text[position : position + size])
        position += size
    assert said + thoughts.end() == "Yes, <b>we</b> do. Bye <thi"


def delta(**delta: object) -> dict[str, object]:
    return {"choices": [{"delta": delta}]}


def call(index: int | None = None, name: str = "", arguments: object = "", call_id: str = "") -> dict[str, object]:
    piece: dict[str, object] = {"function": {"name": name, "arguments": arguments}, "id": call_id}
    return piece if index is None else {**piece, "index": index}


def test_calls_from_pieces() -> None:
    reply = Reply()
    for piece in (call(0, "a", "", "1"), call(1, "b", "", "2"), call(0, arguments='{"x"'), call(0, arguments=":1}")):
        reply.take(delta(tool_calls=[piece]))
    assert reply.tool_calls() == [ToolCall("1", "a", {"x": 1}), ToolCall("2", "b", {})]


def test_whole_calls_without_an_index() -> None:
    reply = Reply()
    reply.take(delta(tool_calls=[call(None, "a", {"x": 1}, "1"), call(None, "b", "{}", "2")]))
    assert reply.tool_calls() == [ToolCall("1", "a", {"x": 1}), ToolCall("2", "b", {})]


def test_whole_calls_all_numbered_nought_and_without_ids() -> None:
    reply = Reply()
    reply.take(delta(tool_calls=[call(0, "a", '{"x":1}')]))
    reply.take(delta(tool_calls=[call(0, "a", '{"x":2}')]))
    calls = reply.tool_calls()
    assert [made.arguments for made in calls] == [{"x": 1}, {"x": 2}]
    assert len({made.id for made in calls}) == 2
    assert all(made.id for made in calls)


@pytest.mark.parametrize("opening", [{"name": "a"}, {"name": "a", "arguments": None}])
def test_a_call_whose_first_piece_has_no_arguments_yet(opening: dict[str, object]) -> None:
    reply = Reply()
    reply.take(delta(tool_calls=[{"index": 0, "id": "1", "type": "function", "function": opening}]))
    for piece in ('{"x"', ":1}"):
        reply.take(delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}]))
    assert reply.tool_calls() == [ToolCall("1", "a", {"x": 1})]


def test_a_call_whose_every_piece_repeats_id_and_name() -> None:
    reply = Reply()
    for piece in ('{"x"', ":1}"):
        reply.take(delta(tool_calls=[call(0, "a", piece, "1")]))
    assert reply.tool_calls() == [ToolCall("1", "a", {"x": 1})]


def test_ids_that_were_used_before_are_replaced() -> None:
    reply = Reply()
    reply.take(delta(tool_calls=[call(0, "a", "{}", "0"), call(1, "b", "{}", "1"), call(2, "c", "{}", "1")]))
    first, second, third = reply.tool_calls({"0"})
    assert second == ToolCall("1", "b", {})
    assert len({"0", "1", first.id, third.id}) == 4


def test_a_refusal_is_said() -> None:
    assert Reply().take(delta(content=None, refusal="I cannot help with that.")) == "I cannot help with that."


@pytest.mark.parametrize("arguments", ['{"x":', "[1]", "nonsense"])
def test_arguments_that_are_no_object(arguments: str) -> None:
    reply = Reply()
    reply.take(delta(tool_calls=[call(0, "a", arguments, "1")]))
    with pytest.raises(WireError, match="tool call a"):
        reply.tool_calls()


@pytest.mark.parametrize(
    "chunk",
    [
        b"{}",
        b'{"choices":[]}',
        b'{"choices":null,"usage":{"x":1}}',
        b'{"choices":[{"delta":null}]}',
        b'{"choices":[7]}',
        b'{"choices":[{"delta":{"content":7,"tool_calls":[null,{"function":null}]}}]}',
        b'{"choices":[{"delta":{"reasoning_content":"hm"}}]}',
    ],
)
def test_odd_chunks_say_nothing(chunk: bytes) -> None:
    reply = Reply()
    assert reply.take(orjson.loads(chunk)) == ""
    assert reply.tool_calls() == []


def test_a_whole_message_instead_of_a_delta() -> None:
    reply = Reply()
    assert reply.take({"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}) == "Hi."
    assert reply.finished


def test_a_note_is_told_as_one_and_explained() -> None:
    system, note, user = chat_messages("Be kind.", [Message("note", "Hurry."), Message("caller", "Hi.")])
    assert "square brackets" in system["content"]
    assert (note, user["content"]) == ({"role": "user", "content": "[Hurry.]"}, "Hi.")
