from offhook.audio.formats import MULAW_8K
from offhook.calls.leg import CallOrigin
from offhook.carriers.media_stream.arrivals import Arrivals
from offhook.carriers.media_stream.tickets import Ticket
from offhook.config import CarrierName


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ticket(call_id: str = "c1", carrier: CarrierName = "vobiz") -> Ticket:
    return Ticket(carrier, call_id, CallOrigin(), MULAW_8K)


def test_a_webhook_that_is_repeated_gets_the_same_token_for_the_whole_time_again() -> None:
    clock = Clock()
    arrivals = Arrivals(60, now=clock)
    token, is_new = arrivals.admit(ticket())
    clock.now += 50
    assert (is_new, arrivals.admit(ticket())) == (True, (token, False))
    clock.now += 50
    assert arrivals.ticket(token) == ticket()


def test_calls_have_tokens_of_their_own() -> None:
    arrivals = Arrivals(60)
    tokens = {arrivals.admit(each)[0] for each in (ticket("c1"), ticket("c2"), ticket("c1", "plivo"))}
    assert len(tokens) == 3


def test_calls_without_an_id_have_a_token_each() -> None:
    arrivals = Arrivals(60)
    first, second = arrivals.admit(ticket(""))[0], arrivals.admit(ticket(""))[0]
    assert arrivals.begin(first)
    assert arrivals.begin(second)


def test_a_token_that_expired_is_followed_by_another() -> None:
    clock = Clock()
    arrivals = Arrivals(60, now=clock)
    token, _ = arrivals.admit(ticket())
    clock.now += 60
    assert arrivals.ticket(token) is None
    assert not arrivals.is_waiting("vobiz", "c1")
    other, is_new = arrivals.admit(ticket())
    assert (other != token, is_new) == (True, True)


def test_a_socket_that_never_said_anything_leaves_the_token_good_for_another() -> None:
    arrivals = Arrivals(60)
    token, _ = arrivals.admit(ticket())
    arrivals.end("vobiz", "c1", token)
    assert arrivals.ticket(token) is not None
    assert arrivals.begin(token)


def test_of_two_sockets_the_first_to_begin_has_the_conversation() -> None:
    arrivals = Arrivals(60)
    token, _ = arrivals.admit(ticket())
    assert arrivals.ticket(token) is not None
    assert arrivals.begin(token)
    assert not arrivals.begin(token)
    assert arrivals.ticket(token) is None


def test_a_call_in_progress_gets_no_second_conversation() -> None:
    arrivals = Arrivals(60)
    token, _ = arrivals.admit(ticket())
    assert arrivals.is_waiting("vobiz", "c1")
    arrivals.begin(token)
    assert not arrivals.is_waiting("vobiz", "c1")
    assert arrivals.admit(ticket()) == (token, False)
    assert arrivals.ticket(token) is None


def test_a_call_may_come_anew_when_its_conversation_is_over() -> None:
    arrivals = Arrivals(60)
    token, _ = arrivals.admit(ticket())
    arrivals.begin(token)
    arrivals.end("vobiz", "c1", token)
    other, is_new = arrivals.admit(ticket())
    assert (other != token, is_new) == (True, True)


def test_a_late_end_does_not_touch_the_next_conversation_of_the_call() -> None:
    arrivals = Arrivals(60)
    first, _ = arrivals.admit(ticket())
    arrivals.begin(first)
    arrivals.forget("vobiz", "c1")
    second, _ = arrivals.admit(ticket())
    arrivals.begin(second)
    arrivals.end("vobiz", "c1", first)
    assert arrivals.admit(ticket()) == (second, False)


def test_a_call_that_is_over_opens_no_socket() -> None:
    arrivals = Arrivals(60)
    token, _ = arrivals.admit(ticket())
    arrivals.forget("vobiz", "c1")
    arrivals.forget("vobiz", "never known")
    assert arrivals.ticket(token) is None


def test_the_oldest_calls_give_way_when_there_are_too_many() -> None:
    arrivals = Arrivals(60, most=2)
    tokens = [arrivals.admit(ticket(f"c{number}"))[0] for number in range(4)]
    assert [arrivals.ticket(token) is not None for token in tokens] == [False, False, True, True]
