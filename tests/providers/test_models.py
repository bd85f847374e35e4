import errno
import functools
import hashlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import pytest

from offhook.config import ModelSettings, Settings
from offhook.errors import ModelError
from offhook.providers import model_fetch, models
from offhook.providers.model_fetch import HUB_VARIABLE, fetch
from offhook.providers.models import MODELS, Model, ModelFile, Package, locate, needed, verify

FILES = {"model.bin": b"weights" * 5000, "config.json": b"{}"}


class Hub:
    """A models' hub on this machine; `answers` may replace what it says about a file."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                hub.asked.append(name)
                answer = hub.answers.get(name) or functools.partial(say, body=FILES[name])
                answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Hub":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def say(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None) -> None:
    """Answer a request; `length` may promise more than comes."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A small model that only the hub has."""
    files = tuple(ModelFile(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in FILES.items())
    small = Model("small", "for tests", "MIT", files, (), "https://hub.invalid/some/small/{file}")
    monkeypatch.setitem(MODELS, "small", small)
    return small


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models=ModelSettings(dir=tmp_path / "models"))


def from_hub(settings: Settings, hub: Hub) -> Path:
    return fetch("small", settings, environ={HUB_VARIABLE: hub.address})


def left(settings: Settings) -> list[str]:
    """What a fetch left behind, but for its lock."""
    root = settings.models.dir
    assert root is not None
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.suffix != ".lock")


@pytest.mark.usefixtures("model")
def test_fetches_from_the_hub_and_finds_it_again(settings: Settings, hub: Hub) -> None:
    folder = from_hub(settings, hub)
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert locate("small", settings) == verify("small", settings) == folder
    assert left(settings) == ["small", "small.verified.json", "small/config.json", "small/model.bin"]


@pytest.mark.usefixtures("model")
def test_what_is_here_is_not_fetched_again(settings: Settings, hub: Hub) -> None:
    folder = from_hub(settings, hub)
    (folder / "config.json").unlink()
    hub.asked.clear()
    from_hub(settings, hub)
    from_hub(settings, hub)
    assert hub.asked == ["config.json"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda handler: say(handler, FILES["model.bin"][:999], length=35000), "only 999 of 35000 bytes"),
        (lambda handler: say(handler, b"x" * 35000), "is another file: SHA-256 "),
        (lambda handler: say(handler, b"x" * 40000), "has more of 35000 bytes"),
        (lambda handler: say(handler, b"", 404), "HTTP Error 404"),
        (lambda handler: say(handler, b"", 500), "HTTP Error 500"),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), "nonsense"),
    ],
    ids=["truncated", "wrong", "too long", "404", "500", "no http"],
)
@pytest.mark.usefixtures("model")
def test_a_download_that_breaks_or_does_not_match_is_refused(
    settings: Settings, hub: Hub, answer: Callable[[BaseHTTPRequestHandler], None], said: str
) -> None:
    hub.answers["model.bin"] = answer
    with pytest.raises(ModelError, match=said) as caught:
        from_hub(settings, hub)
    assert "offhook models fetch small --from FOLDER" in caught.value.hint
    assert left(settings) == []


@pytest.mark.usefixtures("model")
def test_after_a_broken_download_the_next_goes_on(settings: Settings, hub: Hub) -> None:
    hub.answers["config.json"] = lambda handler: say(handler, b"", 503)
    with pytest.raises(ModelError, match="503"):
        from_hub(settings, hub)
    assert left(settings) == ["small", "small/model.bin"]
    hub.answers.clear()
    hub.asked.clear()
    from_hub(settings, hub)
    assert hub.asked == ["config.json"]


@pytest.mark.usefixtures("model")
def test_no_hub_at_all(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ModelError, match="refused"):
        fetch("small", settings, environ={HUB_VARIABLE: f"http://127.0.0.1:{port}"})
    assert left(settings) == []


@pytest.mark.parametrize(("code", "said"), [(errno.ENOSPC, "disk of .* is full"), (errno.EROFS, "cannot be written")])
@pytest.mark.usefixtures("model")
def test_a_full_or_read_only_disk(
    settings: Settings, hub: Hub, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    def fail(_: IO[bytes], __: bytes) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(model_fetch, "_write", fail)
    with pytest.raises(ModelError, match=said) as caught:
        from_hub(settings, hub)
    assert "models.dir" in caught.value.hint
    assert [name for name in left(settings) if name != "small"] == []


@pytest.mark.usefixtures("model")
def test_a_folder_that_cannot_be_made(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(models=ModelSettings(dir=tmp_path / "file" / "models"))
    with pytest.raises(ModelError, match="cannot be written"):
        from_hub(settings, hub)


@pytest.mark.usefixtures("model")
def test_fetches_at_the_same_time_download_once(settings: Settings, hub: Hub) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(from_hub(settings, hub))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(found) == 4
    if sys.platform != "win32":
        assert sorted(hub.asked) == sorted(FILES)
    assert locate("small", settings) == found[0]


@pytest.mark.usefixtures("model")
def test_leftovers_of_a_killed_fetch_are_removed(settings: Settings, hub: Hub) -> None:
    assert settings.models.dir is not None
    (settings.models.dir / ".small-killed").mkdir(parents=True)
    from_hub(settings, hub)
    assert ".small-killed" not in left(settings)


@pytest.mark.usefixtures("model")
def test_a_folder_of_ones_own(settings: Settings, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, body in FILES.items():
        (mine / name).write_bytes(body)
    assert fetch("small", settings, folder=mine) == tmp_path / "models" / "small"
    with pytest.raises(ModelError, match="No such file"):
        fetch("small", Settings(models=ModelSettings(dir=tmp_path / "other")), folder=tmp_path)


@pytest.mark.usefixtures("model")
def test_a_missing_model_is_told_with_the_remedy(settings: Settings) -> None:
    with pytest.raises(ModelError, match="is not here") as caught:
        locate("small", settings)
    assert caught.value.hint == "run `offhook models fetch small`"
    with pytest.raises(ModelError, match="there are: whisper-base"):
        locate("large", settings)


@pytest.mark.usefixtures("model")
def test_a_changed_file_is_refused_at_start(settings: Settings, hub: Hub) -> None:
    folder = from_hub(settings, hub)
    (folder / "model.bin").write_bytes(b"x" * 35000)
    with pytest.raises(ModelError, match=r"model\.bin is not the file it should be"):
        locate("small", settings)
    assert from_hub(settings, hub) == folder


@pytest.mark.usefixtures("model")
def test_a_start_does_not_read_what_was_checked(settings: Settings, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = from_hub(settings, hub)
    locate("small", settings)
    read: list[Path] = []

    def count(path: Path) -> str:
        read.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(models, "sha256_of", count)
    locate("small", settings)
    assert read == []
    verify("small", settings)
    assert len(read) == 2
    (folder / "config.json").touch()
    locate("small", settings)
    assert len(read) == 4


def test_parts_of_an_installed_package_are_joined(
    settings: Settings, model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "one").write_bytes(FILES["model.bin"][:100])
    (tmp_path / "two").write_bytes(FILES["model.bin"][100:])
    (tmp_path / "config.json").write_bytes(FILES["config.json"])
    package = Package(("p==1",), {"model.bin": ("one", "two"), "config.json": ("config.json",)})
    monkeypatch.setitem(MODELS, "small", Model("small", "", "", model.files, (package,)))
    members = {name: tuple(tmp_path / part for part in parts) for name, parts in package.members.items()}
    monkeypatch.setattr(model_fetch, "installed", lambda _: members)
    lines: list[str] = []
    folder = fetch("small", settings, report=lines.append)
    assert (folder / "model.bin").read_bytes() == FILES["model.bin"]
    assert lines == ["small: installed p==1"]


def test_a_package_that_is_not_there_is_no_dead_end(
    settings: Settings, model: Model, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Package(("nothing==1",), {"model.bin": ("a",), "config.json": ("b",)})
    monkeypatch.setitem(MODELS, "small", Model("small", "", "", model.files, (package,), model.hub))
    monkeypatch.setattr(model_fetch, "_pip_download", lambda *_: [])
    assert from_hub(settings, hub).is_dir()


def test_settings_name_the_models_they_need() -> None:
    assert needed(Settings()) == ("silero", "whisper-base", "hibari")
    assert needed(Settings(models=ModelSettings(stt_dir=Path("mine")))) == ("silero", "hibari")


@pytest.mark.parametrize("name", MODELS)
def test_the_registry_is_whole(name: str) -> None:
    model = MODELS[name]
    for package in model.packages:
        assert set(package.members) == {file.name for file in model.files}
    assert all(len(file.sha256) == 64 and file.size > 0 for file in model.files)
    assert model.built_in or "{file}" in model.hub


@pytest.mark.models
def test_the_voice_is_in_its_package(settings: Settings) -> None:
    assert (locate("hibari", settings) / "hibari.onnx").is_file()
    assert fetch("hibari", settings) == locate("hibari", settings)


@pytest.mark.models
def test_whisper_base_is_joined_from_its_packages(settings: Settings) -> None:
    folder = fetch("whisper-base", settings)
    assert (folder / "model.bin").stat().st_size == 145_217_532


@pytest.mark.models
def test_silero_comes_from_the_package_index(settings: Settings) -> None:
    lines: list[str] = []
    folder = fetch("silero", settings, environ={HUB_VARIABLE: "http://127.0.0.1:1"}, report=lines.append)
    assert (folder / "silero_vad.onnx").stat().st_size == 2_327_524
    assert lines[0] == "silero: package silero-vad==6.2.3"
