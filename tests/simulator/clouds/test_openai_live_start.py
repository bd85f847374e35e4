import pytest

from offhook.audio.formats import MULAW_8K, PCM_24K
from offhook.simulator.clouds.openai_live_start import LiveStart, Refused, error_event, quoted

BOOK = {"type": "function", "name": "book", "description": "Books.", "strict": False}


def test_what_is_not_asked_for_is_as_usual() -> None:
    start = LiveStart({"model": "gpt-live-1"})
    assert (start.format, start.delegates, start.instructions) == (PCM_24K, "client", "")
    assert start.history == []
    assert start.declarations == {}


def test_a_session_is_understood() -> None:
    responses = {"model": "m", "tools": [BOOK]}
    start = LiveStart(
        {
            "model": "gpt-live-1.1",
            "audio": {"format": {"type": "audio/pcmu", "rate": 8_000}},
            "input": [{"role": "developer", "content": [{"text": "Be kind."}]}],
            "delegation": {"type": "responses", "responses": responses},
        }
    )
    assert start.format is MULAW_8K
    assert start.history == [("system", "Be kind.")]
    assert start.declarations == {"book": {"name": "book", "description": "Books."}}
    start.update({"delegation": {"type": "responses", "responses": {"tools": []}}})
    assert start.declarations == {}
    assert start.backend["model"] == "m"


@pytest.mark.parametrize("session", [None, {}, {"model": "gpt-live-1", "audio": {"input": {}}}])
def test_what_is_no_session_is_refused(session: object) -> None:
    with pytest.raises(Refused):
        LiveStart(session)


def test_an_error_quotes_the_event_where_it_has_an_id() -> None:
    refused = Refused("invalid_value", "No.", "type")
    assert error_event(refused, {"event_id": "e1"})["error"]["client_event_id"] == "e1"
    assert "client_event_id" not in error_event(refused, {})["error"]
    assert quoted({}) == {}
