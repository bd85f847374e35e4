import asyncio
import os

import orjson
import pytest

from offhook.calls.tools.messages import TakeMessage
from offhook.errors import ToolError
from tests.calls.tools.conftest import Calls

_MESSAGE = {"name": "Tom", "number": "4155550123", "reason": "the tap\nstill drips"}


def _kept(calls: Calls) -> list[dict[str, str]]:
    return [orjson.loads(line) for line in (calls.data_dir / "messages.jsonl").read_bytes().splitlines()]


async def test_a_message_is_one_line(calls: Calls) -> None:
    assert await TakeMessage()(_MESSAGE, calls.context()) == {"status": "saved"}
    kept = _kept(calls)
    assert kept == [
        {"call_id": "call-1", "taken_at": "2026-03-02T09:15:00+00:00", "caller_number": "4155550199", **_MESSAGE}
    ]


async def test_the_same_message_of_the_same_call_is_kept_once(calls: Calls) -> None:
    for call_id in ("call-1", "call-1", "call-2"):
        await TakeMessage()(_MESSAGE, calls.context(call_id))
    await TakeMessage()({**_MESSAGE, "name": "Tim"}, calls.context())
    assert [entry["call_id"] for entry in _kept(calls)] == ["call-1", "call-2", "call-1"]


async def test_messages_never_mix(calls: Calls) -> None:
    long = {"reason": "x" * 4000}
    await asyncio.gather(*(TakeMessage()(long, calls.context(f"call-{place}")) for place in range(30)))
    assert {entry["call_id"] for entry in _kept(calls)} == {f"call-{place}" for place in range(30)}


async def test_a_damaged_line_does_not_matter(calls: Calls) -> None:
    calls.data_dir.mkdir()
    (calls.data_dir / "messages.jsonl").write_bytes(b'{"call_id": "call-1"\n')
    assert await TakeMessage()(_MESSAGE, calls.context()) == {"status": "saved"}


async def test_a_full_disk_leaves_no_half_line(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    await TakeMessage()(_MESSAGE, calls.context())
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(descriptor, bytes(data)[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(ToolError, match="No space left"):
        await TakeMessage()(_MESSAGE, calls.context("call-2"))
    monkeypatch.undo()
    assert len(_kept(calls)) == 1
