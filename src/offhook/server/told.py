"""Who is told what happens in calls: the log, and the records."""

from concurrent.futures import Executor

from offhook.config import Settings
from offhook.events import CallEvent
from offhook.server.event_log import EventLog
from offhook.server.records import CallRecords

__all__ = ["Told"]


class Told:
    """Tells events to the log and to `records`, which are written in `files`."""

    def __init__(self, settings: Settings, files: Executor):
        self.files = files
        self.records = CallRecords(settings.server.data_dir / "calls", files)
        self._lines = EventLog(transcripts=settings.server.log_transcripts)

    def __call__(self, event: CallEvent) -> None:
        """Take an event."""
        self._lines(event)
        self.records(event)
