"""Set-up: the scripts can be read, ask no fixed host, and name what is missing."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHELL_SCRIPTS = [ROOT / ".ci" / "run", ROOT / "scripts" / "setup.sh"]

posix = pytest.mark.skipif(os.name == "nt", reason="these scripts are for make on Linux and macOS")


@pytest.fixture(scope="module")
def qt_libraries() -> ModuleType:
    spec = importlib.util.spec_from_file_location("qt_libraries", ROOT / "scripts" / "qt_libraries.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@posix
@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


def test_no_package_host_is_written_down() -> None:
    for path in [*SHELL_SCRIPTS, ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "scripts" / "qt_libraries.py"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text), path.name


@posix
def test_without_a_suitable_python_one_sentence_says_which_are(tmp_path: Path) -> None:
    copy = tmp_path / "project"
    (copy / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "setup.sh", copy / "scripts")
    shutil.copy(ROOT / "pyproject.toml", copy)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname", "cksum", "cat", "id"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")  # answers every question with no
    old.chmod(0o755)
    done = subprocess.run(["sh", str(copy / "scripts" / "setup.sh")], env={"PATH": str(tools)}, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (copy / ".venv").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere Qt brings all its libraries")
def test_missing_libraries_are_named_by_their_package(
        qt_libraries: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert qt_libraries.missing({"libc.so.6": "libc6", "libnone-such.so.9": "libnone9"}) == ["libnone9"]
    monkeypatch.setattr(qt_libraries, "ALWAYS", {"libc.so.6": "libc6"})
    monkeypatch.setattr(qt_libraries, "WINDOW", {"libnone-such.so.9": "libnone9"})
    monkeypatch.setattr(qt_libraries.shutil, "which", lambda name: None)  # no apt-get here
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "argv", ["qt_libraries.py"])
    assert qt_libraries.main() == 0  # tests need no display
    monkeypatch.setattr(sys, "argv", ["qt_libraries.py", "--window"])
    assert qt_libraries.main() == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all(line.endswith("sudo apt-get install -y libnone9") for line in told)
