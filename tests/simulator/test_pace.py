import time

from offhook.simulator.pace import Pace


async def test_frames_keep_to_their_deadlines_and_errors_do_not_add_up() -> None:
    pace = Pace()
    start = time.monotonic()
    for _ in range(10):
        await pace.next_frame()
    assert 0.199 < time.monotonic() - start < 0.35


async def test_what_is_overdue_is_caught_up_with_and_told() -> None:
    pace = Pace(speedup=20)
    time.sleep(0.01)  # noqa: ASYNC251 - a caller that was held up
    for _ in range(10):
        await pace.next_frame()
    assert pace.worst_s > 0.1
