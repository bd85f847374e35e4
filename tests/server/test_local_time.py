from datetime import UTC, datetime, timedelta

from offhook.config import AgentSettings
from offhook.server.local_time import local_clock


def test_an_agent_knows_the_time_of_its_zone() -> None:
    now = local_clock(AgentSettings(timezone="Asia/Kolkata"))()
    assert now.utcoffset() == timedelta(hours=5, minutes=30)
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_without_a_zone_it_is_that_of_the_machine() -> None:
    now = local_clock(AgentSettings())()
    assert now.utcoffset() == datetime.now().astimezone().utcoffset()
