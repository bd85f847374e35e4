import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.media_stream.parameters import read_parameters

FORM = "application/x-www-form-urlencoded"


def test_query_and_form_are_merged_and_the_form_wins() -> None:
    parameters = read_parameters("From=1&agent=sales", FORM, b"From=%2B2&To=3")
    assert dict(parameters.values) == {"From": "+2", "agent": "sales", "To": "3"}
    assert (parameters.is_form, parameters.body) == (True, {"From": ["+2"], "To": ["3"]})


def test_query_and_json_are_merged_and_values_are_texts() -> None:
    body = b'{"CallUUID": "c", "Duration": 13, "Allowed": true, "Reason": null, "More": {"a": [1]}}'
    parameters = read_parameters("call=7", "application/json; charset=utf-8", body)
    assert dict(parameters.values) == {
        "call": "7",
        "CallUUID": "c",
        "Duration": "13",
        "Allowed": "true",
        "Reason": "",
        "More": '{"a":[1]}',
    }
    assert (parameters.is_form, parameters.body["Duration"]) == (False, 13)


def test_json_without_its_content_type_is_recognised() -> None:
    assert read_parameters("", "text/plain", b' {"Event": "Hangup"}').get("Event") == "Hangup"


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b"\xff\xfe", b""])
def test_json_that_is_no_object_says_nothing(body: bytes) -> None:
    parameters = read_parameters("a=1", "application/json", body)
    assert (dict(parameters.values), parameters.body, parameters.is_form) == ({"a": "1"}, {}, False)


def test_a_name_is_found_in_its_spelling_first_and_then_in_any() -> None:
    parameters = read_parameters("calluuid=low&CallUUID=right&FROM=1")
    assert parameters.get("CallUUID") == "right"
    assert parameters.get("From") == "1"
    assert parameters.get("CallSid", "callUuid") == "low"
    assert parameters.get("To") == ""


def test_an_empty_value_gives_way_to_another_name() -> None:
    assert read_parameters("CallUUID=&RequestUUID=r").get("CallUUID", "RequestUUID") == "r"


def test_the_first_of_several_values_is_read_and_all_are_kept_for_the_signature() -> None:
    parameters = read_parameters("", FORM, b"a=2&a=1&empty=")
    assert dict(parameters.values) == {"a": "2", "empty": ""}
    assert parameters.body == {"a": ["2", "1"], "empty": [""]}


def test_parameters_are_bounded_in_number_and_size() -> None:
    many = "&".join(f"n{number}=v" for number in range(5_000))
    assert len(read_parameters(many).values) == 200
    [(name, value)] = read_parameters("", FORM, b"n" * 500 + b"=" + b"v" * 9_000).values.items()
    assert (len(name), len(value)) == (100, 2_000)
    assert len(read_parameters("", "application/json", orjson.dumps({"a": "v" * 9_000})).get("a")) == 2_000


@pytest.mark.parametrize("depth", [300, 1_000, 5_000])
def test_json_nested_too_deeply_says_nothing(depth: int) -> None:
    body = b'{"CallUUID":"c1","more":' + b'{"a":' * depth + b"1" + b"}" * (depth + 1)
    assert read_parameters("From=1", "application/json", body).values == {"From": "1"}


@given(st.text(), st.sampled_from([FORM, "application/json", "multipart/form-data", "", "x"]), st.binary())
def test_nothing_that_is_sent_is_an_error(query: str, content_type: str, body: bytes) -> None:
    parameters = read_parameters(query, content_type, body)
    assert all(isinstance(value, str) for value in parameters.values.values())
