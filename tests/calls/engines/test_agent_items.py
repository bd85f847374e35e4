from offhook.audio.formats import PCM_8K
from offhook.calls.conversation import Conversation
from offhook.calls.engines.agent_items import AgentItems
from offhook.calls.playout import Playout
from offhook.providers.llm.base import Message
from offhook.providers.tts.timing import Pace

TEXT = "alpha bravo gamma delta"


class Desk:
    """Items over a playout that sends nowhere; `beats` lets the caller hear."""

    def __init__(self) -> None:
        self.finished: list[tuple[float, int | None]] = []
        self.playout = Playout(
            PCM_8K,
            send=lambda frame: None,
            on_finished=lambda track: self.finished.append((track.length_ms, self.items.finished(track))),
        )
        self.conversation = Conversation()
        self.items = AgentItems(self.playout, self.conversation, Pace())

    def sound(self, item_id: str, ms: int) -> bool:
        return self.items.audio(item_id, b"\x01\x00" * 8 * ms)

    def beats(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.playout.tick(live=True)


def test_words_of_a_whole_item_share_its_length() -> None:
    desk = Desk()
    desk.items.text("a", TEXT, whole=False)
    desk.sound("a", 4_000)
    desk.items.done("a")
    desk.beats(2_000)
    desk.items.place_words()
    desk.playout.flush()
    assert desk.items.drop() == {"a": 2_000}
    [message] = desk.conversation.messages()
    assert message == Message("agent", "alpha bravo", interrupted=True)


def test_words_of_an_item_that_still_comes_follow_the_usual_pace() -> None:
    desk = Desk()
    desk.items.text("a", TEXT, whole=False)
    desk.sound("a", 700)
    desk.beats(700)
    desk.items.place_words()
    desk.playout.flush()
    desk.items.drop()
    assert desk.conversation.messages()[0].text == "alpha bravo"


def test_what_comes_after_the_drop_is_too_late_but_what_was_heard_may_be_told_better() -> None:
    desk = Desk()
    desk.items.text("a", TEXT, whole=False)
    desk.sound("a", 1_000)
    desk.sound("b", 1_000)
    desk.beats(400)
    desk.playout.flush()
    assert desk.items.drop() == {"a": 400, "b": 0}
    assert not desk.sound("a", 100)
    assert not desk.items.text("a", " echo", whole=False)
    assert not desk.items.text("b", "nothing", whole=True)
    desk.items.text("a", "alpha b", whole=True)
    desk.items.done("b")
    assert [message.text for message in desk.conversation.messages()] == ["alpha b"]
    assert not desk.playout.active


def test_an_item_that_was_heard_is_not_dropped() -> None:
    desk = Desk()
    desk.sound("a", 200)
    desk.items.done("a")
    desk.beats(240)
    assert desk.finished == [(200, None)]
    desk.playout.flush()
    assert desk.items.drop() == {}
    assert not desk.sound("a", 20)


def test_somebody_elses_track_is_none_of_its_items() -> None:
    desk = Desk()
    assert desk.items.finished(desk.playout.begin()) is None


def test_what_is_cut_short_keeps_the_words_that_have_sound() -> None:
    desk = Desk()
    desk.items.text("a", TEXT, whole=False)
    desk.sound("a", 700)
    desk.items.text("b", "unheard", whole=False)
    assert desk.items.break_off()
    assert [message.text for message in desk.conversation.messages()] == ["alpha bravo"]
    desk.beats(800)
    assert not desk.playout.active
    assert not desk.items.break_off()


def test_an_item_without_an_end_is_given_up_after_a_while() -> None:
    desk = Desk()
    desk.sound("a", 110)
    desk.sound("b", 100)
    desk.items.done("b")
    for now_ms in range(0, 1_200, 20):
        desk.beats(20)
        desk.items.finish_starved(now_ms, 1_000)
    desk.beats(200)
    assert desk.finished == [(110, None), (100, None)]


def test_a_long_item_is_marked_now_and_then() -> None:
    desk = Desk()
    for _ in range(50):
        desk.sound("a", 100)
    track = desk.playout.current
    assert track is not None
    assert [PCM_8K.ms_in(end) for end in track.clause_ends] == [2_000, 4_000]
