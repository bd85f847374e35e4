from dataclasses import replace

from offhook.calls.line_meter import LineMeter
from offhook.events import CallEvent, UsageReported
from tests.calls.rig import PaperLeg


def test_every_minute_of_a_line_is_told_and_the_rest_at_the_end() -> None:
    told: list[CallEvent] = []
    leg = PaperLeg()
    leg.origin = replace(leg.origin, direction="outbound")
    meter = LineMeter("c1", leg, told.append)
    for now_ms in range(0, 130_000, 20):
        meter.tick(now_ms)
    meter.close(130_000)
    meter.close(130_000)
    assert told == [
        UsageReported("c1", 60_000, "paper", {"seconds": 60}, "carrier", "outbound"),
        UsageReported("c1", 120_000, "paper", {"seconds": 60}, "carrier", "outbound"),
        UsageReported("c1", 130_000, "paper", {"seconds": 10}, "carrier", "outbound"),
    ]
