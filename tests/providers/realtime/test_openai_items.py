import orjson
import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_24K, AudioFormat
from offhook.providers.realtime.openai_items import AgentItem


def sent(event: str) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(event)
    return found


@pytest.mark.parametrize("wire", [MULAW_8K, PCM_24K])
def test_audio_that_stays_as_it_is_passes_at_once(wire: AudioFormat) -> None:
    item = AgentItem("a", wire, wire)
    assert item.take(b"\x01" * 34) == b"\x01" * 34
    assert (item.finish(), item.done) == (b"", True)


def test_samples_are_not_torn() -> None:
    item = AgentItem("a", PCM_24K, PCM_24K)
    assert item.take(b"abc") == b"ab"
    assert item.take(b"d") == b"cd"


def test_other_audio_leaves_in_frames_and_its_end_is_filled_up() -> None:
    item = AgentItem("a", PCM_24K, PCM_8K)
    assert item.take(bytes(PCM_24K.frame_bytes - 2)) == b""
    assert item.take(bytes(PCM_24K.frame_bytes + 4)) == bytes(2 * PCM_8K.frame_bytes)
    assert item.take(bytes(10)) == b""
    assert item.finish() == bytes(PCM_8K.frame_bytes)
    assert item.finish() == b""


@pytest.mark.parametrize(
    ("heard_ms", "done", "told"),
    [
        (40.9, True, {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 40}),
        (0, True, {"type": "conversation.item.delete", "item_id": "a"}),
        (0.9, False, {"type": "conversation.item.delete", "item_id": "a"}),
        (-3, False, {"type": "conversation.item.delete", "item_id": "a"}),
        (500, False, {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 100}),
    ],
)
def test_what_was_heard_is_told(heard_ms: float, done: bool, told: dict[str, object]) -> None:
    item = AgentItem("a", MULAW_8K, MULAW_8K)
    item.take(bytes(800))
    if done:
        item.finish()
    assert sent(item.heard(heard_ms)) == told
    assert item.heard(heard_ms) == ""
    assert item.cut


@pytest.mark.parametrize("heard_ms", [100, 120, 5_000])
def test_an_item_that_was_heard_to_its_end_stays(heard_ms: float) -> None:
    item = AgentItem("a", MULAW_8K, MULAW_8K)
    item.take(bytes(800))
    item.finish()
    assert (item.heard(heard_ms), item.cut) == ("", False)


def test_parts_of_a_millisecond_do_not_count_as_made() -> None:
    item = AgentItem("a", PCM_24K, PCM_24K)
    item.take(bytes(2 * 1_000))
    assert item.generated_ms == 41
    assert sent(item.heard(41.66))["audio_end_ms"] == 41
