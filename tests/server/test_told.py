from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from structlog.testing import capture_logs

from offhook.config import ServerSettings, Settings
from offhook.server.told import Told
from tests.server.test_records import STARTED


def test_events_go_to_the_log_and_to_the_records(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as files, capture_logs() as lines:
        Told(Settings(server=ServerSettings(data_dir=tmp_path)), files)(STARTED)
    assert [line["event"] for line in lines] == ["call started"]
    assert len(list((tmp_path / "calls").glob("*.json"))) == 1
