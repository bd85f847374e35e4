from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.asterisk.ami_wire import (
    MAX_LINE_CHARS,
    MAX_MESSAGE_BYTES,
    Banner,
    Message,
    Parser,
    argument,
    encode,
)
from offhook.errors import WireError

HELLO = b"Asterisk Call Manager/11.0.0\r\n"
VARSET = (
    b"Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: PJSIP/6001-00000000\r\nVariable: ID\r\n"
    b"Value: 6afe37fc-fb98-443a-a75c-2326a5121e53\r\n\r\n"
)


def read(*pieces: bytes) -> list[Banner | Message]:
    parser = Parser()
    return [message for piece in (HELLO, *pieces) for message in parser.feed(piece)][1:]


def only(piece: bytes) -> Message:
    (message,) = read(piece)
    assert isinstance(message, Message)
    return message


class TestEncode:
    def test_an_action(self) -> None:
        assert encode("Redirect", {"Channel": "PJSIP/1", "Exten": "6001"}, "7") == (
            b"Action: Redirect\r\nActionID: 7\r\nChannel: PJSIP/1\r\nExten: 6001\r\n\r\n"
        )

    @pytest.mark.parametrize(
        "bad", ["6001\r\nContext: fraud", "6001\n", "\r", "60\x0001", "\ud800", "6001\r\n\r\nAction: Command"]
    )
    def test_a_line_break_names_its_field(self, bad: str) -> None:
        with pytest.raises(WireError, match="value of Exten has a line break"):
            encode("Redirect", {"Exten": bad}, "7")

    def test_a_break_in_the_name_of_the_action_or_its_id(self) -> None:
        with pytest.raises(WireError, match="value of Action "):
            encode("Ping\nX: y", {}, "7")
        with pytest.raises(WireError, match="value of ActionID "):
            encode("Ping", {}, "7\n")

    @pytest.mark.parametrize("name", ["", "Ex ten", "Exten:", "Exten\r\nX", "1x", "x" * 65])
    def test_what_is_no_name_of_a_field(self, name: str) -> None:
        with pytest.raises(WireError, match="no name of a field"):
            encode("Redirect", {name: "6001"}, "7")

    def test_a_value_that_asterisk_would_cut(self) -> None:
        with pytest.raises(WireError, match="value of Exten is too long"):
            encode("Redirect", {"Exten": "é" * (MAX_LINE_CHARS // 2)}, "7")

    @given(st.dictionaries(st.sampled_from(("Channel", "Exten", "Context", "Data")), st.text()), st.text())
    def test_whatever_the_values_one_action_with_these_fields_comes_of_it(
        self, fields: dict[str, str], action: str
    ) -> None:
        try:
            sent = encode(action, fields, "7")
        except WireError:
            return
        assert sent.endswith(b"\r\n\r\n")
        assert sent.count(b"\r\n") == sent.count(b"\n") == sent.count(b"\r") == len(fields) + 3
        assert b"\0" not in sent
        assert [line.split(b":")[0].decode() for line in sent.split(b"\r\n")[:-2]] == ["Action", "ActionID", *fields]


class TestArgument:
    def test_a_plain_one(self) -> None:
        assert argument("Data", "3f2c8d0e-5b1a-4c7e-9a43-0d6c1b2e7f10") == "3f2c8d0e-5b1a-4c7e-9a43-0d6c1b2e7f10"

    @pytest.mark.parametrize("sign", list(",|&()[]{}$\"'\\<>=^%!? \t\r\n\0é"))
    def test_signs_that_may_be_more_than_an_argument(self, sign: str) -> None:
        with pytest.raises(WireError, match="value of Data is no plain argument"):
            argument("Data", f"60{sign}01")

    def test_an_empty_one(self) -> None:
        with pytest.raises(WireError, match="Data"):
            argument("Data", "")


class TestParser:
    def test_the_banner(self) -> None:
        assert list(Parser().feed(HELLO)) == [Banner("11.0.0")]

    @pytest.mark.parametrize("first", [b"SSH-2.0-OpenSSH\r\n", b"\r\n", b"\x00\xff\n", b"Event: VarSet\r\n\r\n"])
    def test_no_manager_interface(self, first: bytes) -> None:
        with pytest.raises(WireError, match="no manager interface"):
            list(Parser().feed(first))

    def test_an_event(self) -> None:
        event = only(VARSET)
        assert (event.event, event.get("variable"), event.get("Value")) == (
            "VarSet",
            "ID",
            "6afe37fc-fb98-443a-a75c-2326a5121e53",
        )
        assert (event.get("Cause"), event.get("Cause", "0"), event.succeeded) == ("", "0", False)

    @pytest.mark.parametrize(
        ("word", "succeeded"), [(b"Success", True), (b"Error", False), (b"Goodbye", True), (b"Follows", True)]
    )
    def test_a_response(self, word: bytes, succeeded: bool) -> None:
        response = only(b"Response: " + word + b"\r\nActionID: 7\r\nMessage: Done: really\r\n\r\n")
        assert (response.event, response.action_id, response.succeeded) == ("", "7", succeeded)
        assert response.get("Message") == "Done: really"

    def test_the_event_about_an_originate_is_no_response(self) -> None:
        event = only(b"Event: OriginateResponse\r\nActionID: 7\r\nResponse: Success\r\n\r\n")
        assert (event.event, event.succeeded) == ("OriginateResponse", False)

    def test_names_that_repeat(self) -> None:
        response = only(b"Response: Success\r\nOutput: a\r\nOutput: b\r\n\r\n")
        assert response.all("output") == ("a", "b")

    def test_a_value_of_several_lines(self) -> None:
        response = only(b"Response: Follows\r\nPrivilege: Command\r\nno channels\r\n  0 active\r\n\r\n")
        assert response.get("Privilege") == "Command\nno channels\n  0 active"

    def test_variables_of_a_channel(self) -> None:
        event = only(
            b"Event: Hangup\r\nChanVariable: DID=600\r\nChanVariable(PJSIP/1-0): A=b=c\r\nDestChanVariable: X=y\r\n\r\n"
        )
        assert event.variables == {"DID": "600", "A": "b=c"}

    def test_lines_that_end_with_a_bare_line_feed(self) -> None:
        assert only(VARSET.replace(b"\r\n", b"\n")) == only(VARSET)

    def test_empty_lines_between_messages(self) -> None:
        assert read(b"\r\n\r\n" + VARSET + b"\r\n") == read(VARSET)

    def test_bytes_that_are_no_utf8(self) -> None:
        assert only(b"Event: X\r\nCallerIDName: J\xfcrgen\r\n\r\n").get("CallerIDName") == "J\ufffdrgen"

    @given(st.lists(st.integers(1, len(HELLO + VARSET * 2) - 1)))
    def test_pieces_of_any_size(self, cuts: list[int]) -> None:
        data, parser = HELLO + VARSET * 2, Parser()
        edges = [0, *sorted(set(cuts)), len(data)]
        pieces = [data[start:end] for start, end in pairwise(edges)]
        assert [message for piece in pieces for message in parser.feed(piece)][1:] == read(VARSET * 2)
        assert not parser.partial

    def test_half_a_message_is_partial(self) -> None:
        parser = Parser()
        list(parser.feed(HELLO + VARSET[:30]))
        assert parser.partial

    def test_a_message_that_begins_with_no_field(self) -> None:
        with pytest.raises(WireError, match="begins with no field"):
            read(b"hello\r\n")

    def test_a_message_that_is_neither_event_nor_response(self) -> None:
        with pytest.raises(WireError, match="neither event nor response"):
            read(b"Message: hello\r\n\r\n")

    def test_a_line_without_end(self) -> None:
        with pytest.raises(WireError, match="longer than"):
            read(b"x" * (MAX_MESSAGE_BYTES + 1))

    def test_a_message_without_end(self) -> None:
        with pytest.raises(WireError, match="longer than"):
            read(b"Event: X\r\n", b"A: b\r\n" * (MAX_MESSAGE_BYTES // 4 + 1))

    @given(st.binary(max_size=200))
    def test_of_any_bytes_messages_come_or_one_error(self, data: bytes) -> None:
        try:
            messages = read(data)
        except WireError:
            return
        assert all(isinstance(message, Message) and (message.event or message.get("Response")) for message in messages)
