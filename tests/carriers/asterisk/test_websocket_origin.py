"""What the dialplan tells of a call by variables and in the address."""

from offhook.carriers.asterisk.websocket_origin import MOST_CHARS, MOST_VARIABLES, Introduction, introduction
from offhook.carriers.asterisk.websocket_wire import MediaStart, read_event
from tests.carriers.asterisk.websocket_samples import CALL, CALLER, JSON_START, PLAIN_START, json_start


def told(text: str, **query: str) -> Introduction:
    start = read_event(text)
    assert isinstance(start, MediaStart)
    return introduction(start, query)


def test_variables_of_the_channel() -> None:
    known = told(JSON_START)
    assert (known.call_id, known.channel) == (CALL, CALLER)
    assert (known.origin.direction, known.origin.from_number, known.origin.to_number) == ("inbound", "+15550100", "raw")
    assert known.origin.variables == {"DID": "raw", "caller_name": "Ann (Work), 100%", "channel": CALLER}


def test_nothing_told() -> None:
    known = told(PLAIN_START)
    assert (known.call_id, known.channel) == ("1795256532.10", "")
    assert (known.origin.from_number, known.origin.to_number, known.origin.agent) == ("", "", "")
    assert known.origin.variables == {}


def test_parameters_of_the_address() -> None:
    query = {"from": "+15550100", "to": "+15550199", "agent": "sales", "language": "es"}
    origin = told(PLAIN_START, **query).origin
    assert (origin.from_number, origin.to_number, origin.agent) == ("+15550100", "+15550199", "sales")
    assert origin.variables == {"language": "es"}


def test_variables_win_over_parameters_even_empty_ones() -> None:
    variables = {"__OFFHOOK_FROM": "", "__OFFHOOK_TO": "600"}
    query = {"from": "+15550100", "to": "601", "agent": "sales"}
    origin = told(json_start(channel_variables=variables), **query).origin
    assert (origin.from_number, origin.to_number, origin.agent) == ("", "600", "sales")


def test_parameters_may_be_another_calls_and_name_neither_a_call_nor_a_channel() -> None:
    known = told(PLAIN_START, call=CALL, channel=CALLER)
    assert (known.call_id, known.channel, known.origin.variables) == ("1795256532.10", "", {})


def test_an_outbound_call() -> None:
    assert told(json_start(channel_variables={"OFFHOOK_DIRECTION": "outbound"})).origin.direction == "outbound"


def test_an_id_that_is_no_uuid_is_not_taken() -> None:
    for wrong in ("1795256604.20", CALL.replace("-", ""), f"{CALL[:-1]}x", "../../etc/passwd-" + CALL[17:]):
        assert told(json_start(channel_variables={"__OFFHOOK_CALL": wrong})).call_id == "1795256604.21"
    assert told(json_start(channel_variables={"__OFFHOOK_CALL": CALL.upper()})).call_id == CALL


def test_a_channel_without_an_id_goes_by_its_connection() -> None:
    assert told("MEDIA_START connection_id:c1 format:ulaw optimal_frame_size:160").call_id == "c1"


def test_what_is_too_much_is_left_out() -> None:
    many = {f"V{number}": "x" * 2 * MOST_CHARS for number in range(2 * MOST_VARIABLES)}
    variables = told(json_start(channel_variables=many)).origin.variables
    assert len(variables) == MOST_VARIABLES
    assert set(map(len, variables.values())) == {MOST_CHARS}


def test_signs_that_nobody_can_see_are_left_out() -> None:
    variables = {"__OFFHOOK_CALLER_NAME": " Ann\r\n\x00\u202e "}
    assert told(json_start(channel_variables=variables)).origin.variables == {"caller_name": "Ann"}
