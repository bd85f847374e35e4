import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from offhook.audio.formats import PCM_8K
from offhook.config import RecordingSettings, ServerSettings, Settings
from offhook.server.recordings import Recordings


@pytest.fixture
def worker() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as worker:
        yield worker


def nobody(call_id: str, path: Path, error: OSError) -> None:
    raise AssertionError(path) from error


async def test_each_recording_has_a_file_of_its_own(tmp_path: Path, worker: ThreadPoolExecutor) -> None:
    recordings = Recordings(Settings(server=ServerSettings(data_dir=tmp_path)), worker, nobody)
    first = recordings.open("call-1", PCM_8K)
    await asyncio.sleep(0.002)
    second = recordings.open("call-1", PCM_8K)
    assert first is not None
    assert second is not None
    assert first.path.parent == tmp_path / "recordings"
    assert first.path.name.endswith("-call-1.wav")
    assert first.path != second.path
    first.close()
    second.close()


async def test_nothing_is_recorded_where_that_is_not_wanted(tmp_path: Path, worker: ThreadPoolExecutor) -> None:
    settings = Settings(server=ServerSettings(data_dir=tmp_path), recording=RecordingSettings(enabled=False))
    assert Recordings(settings, worker, nobody).open("call-1", PCM_8K) is None


async def test_what_cannot_be_written_is_told_on_the_event_loop(tmp_path: Path, worker: ThreadPoolExecutor) -> None:
    (tmp_path / "recordings").write_text("in the way")
    told: asyncio.Future[tuple[str, Path]] = asyncio.get_running_loop().create_future()
    settings = Settings(server=ServerSettings(data_dir=tmp_path))
    recordings = Recordings(settings, worker, lambda call_id, path, error: told.set_result((call_id, path)))
    recorder = recordings.open("call-1", PCM_8K)
    assert recorder is not None
    for _ in range(500):
        recorder.tick(PCM_8K.silence)
    recorder.close()
    async with asyncio.timeout(30):
        assert await told == ("call-1", recorder.path)
