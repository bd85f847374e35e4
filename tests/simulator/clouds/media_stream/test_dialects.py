import re

import pytest

from offhook.simulator.clouds.media_stream.dialects import CARRIERS, DIALECTS, Carrier, default_account


@pytest.mark.parametrize("written", ["+91 80714-23871", "918071423871", "+918071423871", "(91) 8071.423871"])
def test_numbers_are_written_as_each_carrier_does(written: str) -> None:
    assert DIALECTS["vobiz"].number(written) == DIALECTS["plivo"].number(written) == "918071423871"
    assert DIALECTS["twilio"].number(written) == "+918071423871"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_no_number_stays_as_it_is(carrier: Carrier) -> None:
    assert DIALECTS[carrier].number("sip:ann@example.com") == "sip:ann@example.com"


def test_ids() -> None:
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    for carrier in ("vobiz", "plivo"):
        dialect = DIALECTS[carrier]
        for made in (dialect.new_call_id(), dialect.new_stream_id(), dialect.new_recording_id()):
            assert re.fullmatch(uuid, made)
    twilio = DIALECTS["twilio"]
    assert re.fullmatch(r"CA[0-9a-f]{32}", twilio.new_call_id())
    assert re.fullmatch(r"MZ[0-9a-f]{32}", twilio.new_stream_id())
    assert re.fullmatch(r"RE[0-9a-f]{32}", twilio.new_recording_id())


def test_accounts_look_like_the_carriers() -> None:
    assert default_account("vobiz").id.startswith("MA_")
    assert re.fullmatch(r"MA[A-Z]{18}", default_account("plivo").id)
    assert re.fullmatch(r"AC[0-9a-f]{32}", default_account("twilio").id)
