import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.calls.leg import CallOrigin
from offhook.config import Settings
from offhook.server.calls_to_come import ringing_s, usual_format


@pytest.mark.parametrize(
    ("carrier", "format"),
    [("vobiz", PCM_16K), ("twilio", MULAW_8K), ("asterisk", PCM_8K), ("audiosocket", PCM_8K)],
)
def test_what_calls_will_be_in(carrier: str, format: AudioFormat) -> None:  # noqa: A002
    settings = Settings.model_validate({"vobiz": {"audio": "l16-16k"}})
    assert usual_format(settings, carrier) == format


def test_a_call_that_we_place_may_ring_as_long_as_it_is_let() -> None:
    settings = Settings.model_validate({"plivo": {"ring_timeout_s": 55}, "asterisk": {"ring_timeout_s": 20}})
    out = CallOrigin("outbound", dial_id="d")
    assert ringing_s(settings, "plivo", CallOrigin()) == 30
    assert [ringing_s(settings, carrier, out) for carrier in ("plivo", "asterisk", "browser")] == [85, 50, 30]
