from offhook.calls.tools.end_call import EndCall
from tests.calls.tools.conftest import Calls


async def test_it_says_that_the_call_is_ending(calls: Calls) -> None:
    assert await EndCall()({}, calls.context()) == {"status": "ending", "reason": "goodbye"}
    assert await EndCall()({"reason": "lost"}, calls.context()) == {"status": "ending", "reason": "lost"}
