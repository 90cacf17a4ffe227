"""The command line: what it makes, its exit codes, and one plain sentence for whatever goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main as entry
from engine.cli.sample import grid
from engine.cli.usage import one_sentence, parse_classes, parse_settings
from engine.errors import BadSetting, DiffuscopeError
from engine.runs import Run

ROOT = Path(__file__).resolve().parent.parent
SMALL = [
    "--set",
    "training.batch_size=8",
    "--set",
    "model.widths=8,16",
    "--set",
    "model.embedding_width=16",
    "--set",
    "training.precision=fp32",
]
DIGITS = tuple("0123456789")


@pytest.fixture(autouse=True)
def process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What main sets for the whole process is set back."""
    monkeypatch.setenv("DIFFUSCOPE_RUNS_DIR", "")
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of twelve steps, made by the command line."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert (
        entry.main(["train", "--run", str(path), "--steps", "12", "--seed", "3", "--device", "cpu", *SMALL])
        == 0
    )
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence a command line is refused with."""
    assert entry.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.endswith(".\n") or captured.err.endswith(").\n")
    assert "Traceback" not in captured.err
    return captured.err.strip()


# ---- train and info ----


def test_train_makes_a_run_with_the_asked_settings(run: Path) -> None:
    opened = Run.open(run)
    assert opened.info.step == opened.info.num_steps == 12
    assert opened.info.config.training.seed == 3
    assert opened.info.config.model.widths == (8, 16)
    assert opened.verify() == []


def test_info_as_json_says_what_the_run_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["info", "--run", str(run), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["step"] == 12
    assert facts["images_seen"] == 12 * 8
    assert facts["config"]["training"]["batch_size"] == 8
    assert facts["snapshots"][-1]["step"] == 12
    assert facts["problems"] == []


def test_info_for_people_names_the_same(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["info", "--run", str(run)]) == 0
    text = capsys.readouterr().out
    assert "step 12 of 12, 96 images" in text
    assert "finished" in text


def test_info_needs_no_torch(run: Path) -> None:
    code = (
        f"import sys, main; main.main(['info', '--run', {str(run)!r}]); "
        "print([m for m in ('torch', 'PySide6') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_bare_name_is_looked_for_in_the_runs_folder(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--runs-dir", str(run.parent), "info", "--run", run.name],
        ["info", "--run", run.name, "--runs-dir", str(run.parent)],
    ):
        assert entry.main(arguments) == 0
        assert "step 12 of 12" in capsys.readouterr().out


def test_a_finished_run_can_be_resumed_without_harm(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["train", "--run", str(run), "--resume", "--steps", "12", "--seed", "3"]) == 0
    assert "finished its planned steps" in capsys.readouterr().out


def test_resume_goes_on_past_the_planned_end(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longer = tmp_path / "longer"
    shutil.copytree(run, longer)
    assert entry.main(["train", "--run", str(longer), "--resume", "--steps", "16", "--device", "cpu"]) == 0
    assert "Trained: 16 of 16 steps, 128 images" in capsys.readouterr().out
    info = Run.open(longer).info
    assert info.step == info.num_steps == 16
    assert [(s.start, s.end) for s in info.segments] == [(0, 12), (12, 16)]


def test_seconds_are_planned_as_steps_and_recorded(tmp_path: Path) -> None:
    path = tmp_path / "timed"
    assert entry.main(["train", "--run", str(path), "--seconds", "4", "--device", "cpu", *SMALL]) == 0
    info = Run.open(path).info
    assert info.step == info.num_steps == info.config.training.num_steps
    assert info.step > 4
    assert 2 < info.seconds < 12  # 4 on a machine that does nothing else


def test_resume_refuses_settings_that_are_not_the_runs_own(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resume = ["train", "--run", str(run), "--resume"]
    assert "training.seed is 3" in refused(capsys, *resume, "--seed", "4")
    assert "the preset quick" in refused(capsys, *resume, "--preset", "textbook")
    assert "training.batch_size is 8" in refused(capsys, *resume, "--set", "batch_size=9")
    assert "12 planned steps" in refused(capsys, *resume, "--steps", "5")


def test_a_run_is_never_trained_over(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "run.json").read_bytes()
    assert "is there already; go on with it by --resume" in refused(
        capsys, "train", "--run", str(run), "--steps", "3"
    )
    assert (run / "run.json").read_bytes() == before
    assert "cannot be trained on" in refused(capsys, "train", "--run", "bundled", "--steps", "3")


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send to one process on Windows")
def test_ctrl_c_saves_and_resume_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "interrupted"
    command = [sys.executable, "main.py", "train", "--run", str(path), "--device", "cpu"]
    child = subprocess.Popen(
        [*command, "--steps", "5000", *SMALL],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 90
        while len(list(path.glob("snapshots/step-*"))) < 2:
            assert child.poll() is None, child.stderr.read() if child.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 0, err
    assert "--resume goes on" in out
    assert "Traceback" not in err
    opened = Run.open(path)
    reached = opened.info.step
    assert 0 < reached < 5000
    assert opened.is_locked() == ""
    assert opened.verify() == []
    assert opened.snapshots()[-1].step == reached


# ---- sample ----


def test_sample_writes_arrays_with_their_classes_and_seeds(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "x.npz"
    assert (
        entry.main(
            [
                "sample",
                "--run",
                str(run),
                "--classes",
                "1,3,7",
                "--count",
                "8",
                "--seed",
                "40",
                "--steps",
                "3",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    with np.load(out) as file:
        assert sorted(file.files) == ["images", "labels", "seeds"]
        assert file["images"].shape == (8, 28, 28)
        assert file["images"].dtype == np.uint8
        assert file["labels"].tolist() == [1, 3, 7, 1, 3, 7, 1, 3]
        assert file["seeds"].tolist() == list(range(40, 48))
        assert file["labels"].dtype == file["seeds"].dtype == np.int64


def test_a_picture_depends_on_its_seed_and_class_only(run: Path, tmp_path: Path) -> None:
    def images(*arguments: str) -> np.ndarray:
        out = tmp_path / "x.npz"
        assert entry.main(["sample", "--run", str(run), "--steps", "3", "--out", str(out), *arguments]) == 0
        with np.load(out) as file:
            return file["images"]

    many = images("--classes", "2", "--count", "6", "--seed", "10")
    alone = images("--classes", "2", "--count", "1", "--seed", "13")
    assert np.array_equal(many[3], alone[0])
    assert not np.array_equal(many[3], many[2])
    earlier = images("--classes", "2", "--count", "1", "--seed", "13", "--snapshot", "1")
    assert not np.array_equal(earlier, alone)


def test_sample_draws_a_grid_that_says_how_it_was_made(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "grid.png"
    assert (
        entry.main(
            [
                "sample",
                "--run",
                str(run),
                "--count",
                "20",
                "--steps",
                "2",
                "--sampler",
                "dpmpp-2m",
                "--guidance",
                "1",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    with Image.open(out) as picture:
        assert picture.size == (10 * 30 - 2, 2 * 30 - 2)
        facts = json.loads(picture.text["diffuscope"])
    assert facts["snapshot"] == 12
    assert facts["sampling"]["sampler"] == "dpmpp-2m"
    assert facts["sampling"]["guidance_scale"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["grid.png"]


def test_grid_puts_pictures_in_reading_order() -> None:
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), dtype=np.uint8)
    sheet = grid(images, 3)
    assert sheet.shape == (4 * 2 + 2, 4 * 3 + 4)
    assert [sheet[0, 0], sheet[0, 6], sheet[0, 12], sheet[6, 0], sheet[6, 6], sheet[6, 12]] == [
        1,
        2,
        3,
        4,
        5,
        0,
    ]
    assert grid(np.zeros((4, 4, 4, 3), dtype=np.uint8), 1).shape == (10, 10, 3)


def test_sample_refuses_what_is_not_there(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def sample(*arguments: str, out: str = "x.npz") -> str:
        return refused(capsys, "sample", "--run", str(run), "--out", str(tmp_path / out), *arguments)

    assert sample("--classes", "12") == "There is no class 12; classes are 0 to 9."
    assert "has no snapshot at step 5000" in sample("--snapshot", "5000")
    assert "must end in .npz or .png" in sample(out="x.gif")
    assert "must be from 0 to 8" in sample("--guidance", "9")
    assert "must be one of ddpm, ddim, euler, heun, dpmpp-2m, dpmpp-3m, unipc, ipndm; rk4 is not" in sample(
        "--sampler", "rk4"
    )
    assert "The guidance interval must rise" in sample("--guidance-interval", "3", "2")
    assert "Seeds end at" in sample("--seed", str(2**63 - 1), "--count", "2")
    assert list(tmp_path.iterdir()) == []


# ---- refusals ----


def test_bad_usage_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    new = str(tmp_path / "new")
    assert refused(capsys, "train") == "train needs --run."
    assert refused(capsys, "sample", "--run", new) == "sample needs --out."
    assert "There is no command fly; commands are train, sample" in refused(capsys, "fly")
    assert "There is no option --speed here" in refused(capsys, "train", "--run", new, "--speed", "9")
    assert (
        refused(capsys, "train", "--run", new, "--steps", "x")
        == "--steps needs a whole number; 'x' is not one."
    )
    assert "must be from 1 to 10000000; 0 is not" in refused(capsys, "train", "--run", new, "--steps", "0")
    assert "must be more than 0" in refused(capsys, "train", "--run", new, "--seconds", "nan")
    assert "does not go together with" in refused(
        capsys, "train", "--run", new, "--steps", "1", "--seconds", "1"
    )
    assert "There is no preset called huge" in refused(capsys, "train", "--run", new, "--preset", "huge")
    assert "There is no data set called cats" in refused(capsys, "train", "--run", new, "--dataset", "cats")
    assert "Steps T must be from 50 to" in refused(capsys, "train", "--run", new, "--set", "num_timesteps=0")
    assert "is written like 1440x900" in refused(capsys, "screenshot", "--size", "big", "--out", new)
    assert not Path(new).exists()


def test_what_is_no_run_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, run: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    pickle = tmp_path / "model.pt"
    pickle.write_bytes(b"\x80\x04\x95cos\nsystem\n")
    picture = tmp_path / "picture.png"
    Image.new("L", (4, 4)).save(picture)
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "run.json").write_text('{"schema_version": 99}', encoding="utf-8")
    for path, words in [
        (tmp_path / "none", "no run at"),
        (empty, "empty"),
        (pickle, "never loads one"),
        (picture, "is a picture"),
        (newer, "newer"),
    ]:
        for command in (["info"], ["train", "--resume"], ["sample", "--out", str(tmp_path / "x.npz")]):
            assert words in refused(capsys, *command, "--run", str(path))


def test_a_flipped_byte_in_a_snapshot_is_told_and_the_others_still_draw(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(run, damaged)
    weights = next((damaged / "snapshots" / "step-00000012").glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-100] ^= 1
    weights.write_bytes(content)
    sample = [
        "sample",
        "--run",
        str(damaged),
        "--steps",
        "2",
        "--count",
        "1",
        "--out",
        str(tmp_path / "x.npz"),
    ]
    assert "snapshot at step 12 of damaged is damaged" in refused(capsys, *sample)
    assert entry.main([*sample, "--snapshot", "1"]) == 0
    capsys.readouterr()
    assert entry.main(["info", "--run", str(damaged), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1


def test_an_unforeseen_error_is_one_line_and_its_details_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: Path
) -> None:
    monkeypatch.setattr("engine.cli.info.gather", lambda run: 1 / 0)
    assert entry.main(["info", "--run", str(run)]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Unexpected ZeroDivisionError" in err
    kept = Path(os.environ["DIFFUSCOPE_HOME"]) / "command-error.log"
    assert str(kept) in err
    assert "Traceback" in kept.read_text(encoding="utf-8")


# ---- the window ----


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_the_headless_commands_are_named() -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    for display in ({}, {"DISPLAY": ":9871"}):
        done = subprocess.run(
            [sys.executable, "main.py"],
            cwd=ROOT,
            env={**env, **display},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert all(word in done.stderr for word in ("display", "train", "sample", "screenshot", "info"))


def test_a_bad_run_is_refused_before_a_window_opens(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "There is no run at" in refused(capsys, "--run", str(tmp_path / "none"))


# ---- readers ----


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("0-9", list(range(10))),
        ("3", [3]),
        ("1,3,7", [1, 3, 7]),
        ("7, 0-2", [7, 0, 1, 2]),
        ("5-5", [5]),
        ("2,2", [2, 2]),
    ],
)
def test_classes_are_read(text: str, classes: list[int]) -> None:
    assert parse_classes(text, DIGITS) == classes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12", "There is no class 12; classes are 0 to 9."),
        ("0-10", "There is no class 10; classes are 0 to 9."),
        ("9-0", "write 0-9"),
        ("", "are written like"),
        ("a", "are written like"),
        ("-1", "are written like"),
        ("1,,2", "are written like"),
        ("1;2", "are written like"),
        ("½", "are written like"),
    ],
)
def test_classes_that_make_no_sense_are_refused(text: str, words: str) -> None:
    with pytest.raises(BadSetting) as caught:
        parse_classes(text, DIGITS)
    assert words in str(caught.value)


def test_settings_are_read_by_their_kind() -> None:
    assert parse_settings(
        ["training.learning_rate=0.001", "widths=32,64", "skips=false", "preset.x=1"][:3]
    ) == {"training": {"learning_rate": 0.001}, "model": {"widths": [32, 64], "skips": False}}
    assert parse_settings(["attention_levels="]) == {"model": {"attention_levels": []}}
    assert parse_settings(["model.widths=[8, 16]"]) == {"model": {"widths": [8, 16]}}
    assert parse_settings(["sampler=ddpm"], "sampling") == {"sampling": {"sampler": "ddpm"}}
    for wrong in ("learning_rate", "=3", "seeds=3", "model.seed=3"):
        with pytest.raises(BadSetting):
            parse_settings([wrong])
    with pytest.raises(BadSetting, match=r"training\.num_steps or sampling\.num_steps"):
        parse_settings(["num_steps=3"])
    with pytest.raises(BadSetting, match="for sampling"):
        parse_settings(["seed=3"], "sampling")


def test_headline_and_advice_become_one_sentence() -> None:
    assert one_sentence(DiffuscopeError("It broke.", "Mend it.")) == "It broke; mend it."
    assert one_sentence(DiffuscopeError("It\nbroke.")) == "It broke."
    assert one_sentence(DiffuscopeError("It broke.", "CUDA is gone.")) == "It broke; CUDA is gone."
