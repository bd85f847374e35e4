"""What a process and its children use, from /proc: processor time and memory."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from offhook.errors import ConfigError

__all__ = ["CpuMeter", "Memory", "listens", "memory", "tree"]

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Memory:
    """Mebibytes. PSS counts shared pages by their share; 0 where the system does not tell."""

    rss_mb: float
    pss_mb: float


def tree(pid: int) -> list[int]:
    """The process and all of its descendants. Raises ConfigError if there is no such process."""
    if not Path(f"/proc/{pid}").exists():
        raise ConfigError(f"there is no process {pid}", hint="give the process id of a running `offhook serve`")
    return [pid, *_descendants(pid)]


def _descendants(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _descendants(int(child))


def _cpu_s(pid: int) -> float:
    """User and system time of all threads so far. The command's name may hold spaces and brackets."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class CpuMeter:
    """Processor use of a process tree since the meter was made."""

    def __init__(self, pid: int):
        self._pid = pid
        self._start = time.monotonic()
        self._before = self._used()

    def percent(self) -> float:
        """Of one core, on average since the start. Raises ConfigError if the process is gone."""
        return 100 * (self._used() - self._before) / (time.monotonic() - self._start)

    def _used(self) -> float:
        used = 0.0
        for pid in tree(self._pid):
            with suppress(OSError):
                used += _cpu_s(pid)
        return used


def memory(pid: int) -> Memory:
    """Memory of a process tree now."""
    totals = {"Rss": 0, "Pss": 0}
    for each in tree(pid):
        for name, kilobytes in _rollup(each):
            totals[name] += kilobytes
    return Memory(round(totals["Rss"] / 1024, 1), round(totals["Pss"] / 1024, 1))


def _rollup(pid: int) -> Iterator[tuple[str, int]]:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("Rss", "Pss"):
                yield name, int(value.split()[0])


def listens(port: int) -> bool:
    """Whether some process listens on a TCP port of this machine. Looks without connecting."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                _, local, _, state = line.split()[:4]
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    return True
    return False
