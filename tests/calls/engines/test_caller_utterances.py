from datetime import UTC, datetime
from pathlib import Path

from offhook.audio.formats import PCM_8K
from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.caller_utterances import CallerUtterances
from offhook.calls.playout import Playout
from offhook.calls.tools.base import ToolContext
from offhook.events import CallerSaid, CallEvent
from offhook.providers.llm.base import CallFacts


def now() -> datetime:
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Desk:
    """What a caller says to a session, without a call."""

    def __init__(self) -> None:
        self.events: list[CallEvent] = []
        self.now_ms = 0
        self.conversation = Conversation()
        handle = CallHandle(
            CallFacts("call-1", "a", "", now()),
            Playout(PCM_8K, send=lambda frame: None),
            lambda: self.now_ms,
            self.events.append,
            lambda reason, detail: None,
            ToolContext("call-1", "", Path(), now),
        )
        self.callers = CallerUtterances(handle, self.conversation, padding_ms=0)

    def said(self) -> list[tuple[str, int, int]]:
        return [(event.text, event.start_ms, event.end_ms) for event in self.events if isinstance(event, CallerSaid)]


def test_an_utterance_is_open_until_it_has_words() -> None:
    desk = Desk()
    desk.callers.began(1_000)
    desk.callers.judged(0.9, 1_032)
    desk.callers.started("a", 1_010)
    desk.callers.stopped("a", 1_600)
    assert (desk.callers.onset_ms, list(desk.callers.verdicts)) == (1_000, [(0.9, 1_032)])
    desk.callers.said("a", " Hello. ", final=True)
    assert (desk.callers.onset_ms, list(desk.callers.verdicts)) == (None, [])
    assert desk.said() == [("Hello.", 1_000, 1_600)]


def test_an_utterance_is_open_until_it_is_answered() -> None:
    desk = Desk()
    desk.callers.began(1_000)
    desk.callers.answered()
    assert desk.callers.onset_ms == 1_000
    desk.callers.turn_over()
    desk.callers.answered()
    assert desk.callers.onset_ms is None


def test_words_do_not_close_what_is_being_said_after_them() -> None:
    desk = Desk()
    desk.callers.began(1_000)
    desk.callers.started("a", 1_000)
    desk.callers.stopped("a", 1_600)
    desk.callers.began(2_500)
    desk.callers.judged(0.9, 2_532)
    desk.callers.said("a", "Hello.", final=True)
    assert (desk.callers.onset_ms, list(desk.callers.verdicts)) == (2_500, [(0.9, 2_532)])


def test_a_breath_within_an_utterance_is_part_of_it() -> None:
    desk = Desk()
    desk.callers.began(1_000)
    desk.callers.started("a", 1_000)
    desk.callers.began(1_300)
    desk.callers.stopped("a", 1_600)
    desk.callers.said("a", "Well, hello.", final=True)
    assert desk.callers.onset_ms is None


def test_noise_is_forgotten_unless_the_session_called_it_speech() -> None:
    desk = Desk()
    desk.callers.began(1_000)
    desk.callers.was_noise()
    assert desk.callers.onset_ms is None
    desk.callers.started("a", 2_000)
    desk.callers.was_noise()
    assert desk.callers.onset_ms == 2_000


def test_noise_that_nobody_judged_is_not_kept_for_ever() -> None:
    desk = Desk()
    desk.callers.began(1_000)
    desk.callers.began(4_000)
    assert desk.callers.onset_ms == 1_000
    desk.callers.began(14_000)
    assert desk.callers.onset_ms == 14_000


def test_words_have_their_place_before_they_come() -> None:
    desk = Desk()
    desk.callers.started("a", 1_000)
    desk.callers.stopped("a", 1_500)
    desk.conversation.caller_said("Something later.")
    desk.callers.said("a", "Hel", final=False)
    assert [message.text for message in desk.conversation.messages()] == ["Hel", "Something later."]
    desk.callers.said("a", "Hello.", final=True)
    desk.callers.said("a", "Hello.", final=True)
    assert [message.text for message in desk.conversation.messages()] == ["Hello.", "Something later."]
    assert len(desk.said()) == 1


def test_an_item_without_words_is_nothing() -> None:
    desk = Desk()
    desk.callers.started("a", 1_000)
    desk.callers.said("a", " ", final=True)
    assert (desk.said(), desk.conversation.messages(), desk.callers.speaking) == ([], [], "")


def test_what_is_heard_again_gets_new_words() -> None:
    desk = Desk()
    desk.callers.started("a", 1_000)
    desk.callers.said("a", "When do", final=False)
    desk.callers.gone()
    assert (desk.conversation.messages(), desk.callers.speaking, desk.callers.onset_ms) == ([], "", 1_000)
    desk.callers.said("a", "When do you open?", final=True)
    assert [message.text for message in desk.conversation.messages()] == ["When do you open?"]


def test_a_new_session_hears_from_the_open_utterance_or_from_now() -> None:
    desk = Desk()
    for _ in range(100):
        desk.callers.hear(PCM_8K.silence)
    assert desk.callers.begins_ms == 2_000
    desk.callers.began(1_900)
    assert desk.callers.begins_ms == 1_900
