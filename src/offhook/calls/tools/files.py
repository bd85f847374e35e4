"""Files that survive a crash and two calls at once: locked, written whole or not at all."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: one process only
    fcntl = None  # type: ignore[assignment]

__all__ = ["append_line", "locked", "write_whole"]

_threads = threading.RLock()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` against other calls of this process and other processes. Blocks; raises OSError."""
    with _threads:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + ".lock").open("a") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file, at once and for good. Blocks; raises OSError and leaves the old file."""
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            _keep(file.fileno(), content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _keep_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add one line to the file, all of it or nothing. Blocks; raises OSError. Hold the lock."""
    with path.open("ab") as file:
        before = file.tell()
        try:
            _keep(file.fileno(), line + b"\n")
        except OSError:
            os.truncate(path, before)
            raise


def _keep(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _keep_folder(folder: Path) -> None:
    """A renamed file is only safe once its folder is on the disk too."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
