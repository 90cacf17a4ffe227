"""Rules of the house: what may import what, and what must work without what."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
QT = ("PySide6", "shiboken6", "pyqtgraph", "superqt")
TORCH = ("torch", "torchvision", "open_clip", "diffusers")

BLOCK = """
import sys

class Blocked:
    names = {names!r}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError("blocked for this test: " + name)

sys.meta_path.insert(0, Blocked())
"""


def source_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in source_files("engine", "gui")} | {"main": ROOT / "main.py"}


def imports(module: str, *, at_load_only: bool) -> set[str]:
    """Full names of what a module imports. at_load_only leaves out functions and TYPE_CHECKING blocks."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if at_load_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        if at_load_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else str(node.module))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(MODULES[module].read_text(encoding="utf-8")))
    return found


def run_python(code: str, **env: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **env}, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_engine_module_can_be_imported_without_qt() -> None:
    modules = [name for name in MODULES if name.split(".")[0] == "engine"]
    assert len(modules) > 30
    run_python(BLOCK.format(names=QT) + f"import importlib\nfor name in {modules!r}: importlib.import_module(name)")


def test_every_module_of_the_window_can_be_imported_without_torch() -> None:
    modules = [name for name in MODULES if name.split(".")[0] == "gui"]
    assert len(modules) > 15
    run_python(BLOCK.format(names=TORCH) + f"import importlib\nfor name in {modules!r}: importlib.import_module(name)")


def test_the_window_opens_without_torch(tmp_path: Path) -> None:
    """Built, shown and painted on every page, while importing torch would raise."""
    code = BLOCK.format(names=TORCH) + """
import time
from gui.app import make_application
from gui.compute_starter import make_compute
from gui.main_window import MainWindow
from gui.page_list import page_classes
from gui.session import Session

application = make_application()
window = MainWindow(Session(make_compute()), page_classes(), keep_state=False)
window.resize(1440, 900)
window.show()
for page in window.pages:
    window.show_page(page.name)
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        application.processEvents()
    assert not window.grab().isNull()
    print(page.name)
window.close()
"""
    pages = run_python(code, QT_QPA_PLATFORM="offscreen", DIFFUSCOPE_HOME=str(tmp_path)).split()
    assert pages[:3] == ["train", "forward", "reverse"]


def test_what_only_other_pages_need_is_loaded_after_the_first_paint(tmp_path: Path) -> None:
    code = """
import sys
from gui.app import make_application
from gui.compute_starter import make_compute
from gui.main_window import MainWindow
from gui.page_list import page_classes
from gui.session import Session

application = make_application()
window = MainWindow(Session(make_compute()), page_classes(), keep_state=False)
window.start_compute = lambda: None
window.resize(1440, 900)
window.restore()
print(window.page.name, *(name for name in ("pyqtgraph", "gui.pages.train", "gui.run_manager") if name in sys.modules))
window.close()
"""
    assert run_python(code, QT_QPA_PLATFORM="offscreen", DIFFUSCOPE_HOME=str(tmp_path)).split() == ["reverse"]


def test_main_imports_neither_torch_nor_qt_before_it_knows_what_is_asked() -> None:
    code = "import sys, main; from engine.cli.parser import build_parser; build_parser(); print(*sys.modules)"
    loaded = {name.split(".")[0] for name in run_python(code).split()}
    assert not loaded & {*QT, *TORCH}


def test_the_window_never_imports_torch_not_even_later() -> None:
    for module in MODULES:
        if module.split(".")[0] == "gui":
            roots = {name.split(".")[0] for name in imports(module, at_load_only=False)}
            assert not roots & set(TORCH), module


def test_the_engine_never_imports_the_window() -> None:
    for module in MODULES:
        if module.split(".")[0] == "engine":
            roots = {name.split(".")[0] for name in imports(module, at_load_only=False)}
            assert not roots & {"gui", *QT}, module


def test_models_and_diffusion_know_nothing_of_training_runs_and_measurement() -> None:
    above = ("engine.training", "engine.runs", "engine.measure", "engine.export", "engine.cli")
    for module in MODULES:
        if module.startswith(("engine.diffusion", "engine.model")):
            wrong = {name for name in imports(module, at_load_only=False) if name.startswith(above)}
            assert not wrong, f"{module} imports {wrong}"


def test_no_import_circle() -> None:
    graph = {module: {name for name in imports(module, at_load_only=True) if name in MODULES and name != module}
             for module in MODULES}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for name in sorted(graph[module]):
                walk(name, (*trail, module))
            done.add(module)

    for module in graph:
        walk(module, ())
    assert graph["main"] == set()  # it loads what a command needs, when it needs it


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal from Python 3.12 on")
def test_qt_calls_keep_the_references_to_none_and_true() -> None:
    """PySide6 6.12.0 drops one reference for each void call on 3.10 and 3.11: the process dies after minutes."""
    code = """
import sys
from PySide6 import QtCore

class Sender(QtCore.QObject):
    sent = QtCore.Signal()

application = QtCore.QCoreApplication([])
sender = Sender()
sender.sent.connect(lambda: None)
before = sys.getrefcount(None), sys.getrefcount(True)
for _ in range(200):
    application.processEvents()
    sender.setObjectName("x")
    sender.sent.emit()
print(before[0] - sys.getrefcount(None), before[1] - sys.getrefcount(True))
"""
    lost = [int(n) for n in run_python(code).split()]
    assert all(n < 100 for n in lost), f"references lost to None and True: {lost}"


def test_no_file_names_somebodys_own_folder() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the tree is not known")
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT,
                            capture_output=True, check=True).stdout.decode().split("\0")
    own_folder = re.compile(rb"(?<![\w.])(/home/|/root/|/Users/|[A-Z]:\\+Users\\+)\w")
    named = []
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and path.suffix not in (".gz", ".png", ".ttf", ".woff2", ".safetensors"):
            named += [f"{name}: {found[0].decode()}" for found in own_folder.finditer(path.read_bytes())]
    assert named == []


def test_command_line_and_window_name_the_same_pages() -> None:
    from engine.cli.parser import PAGES
    from gui.page_list import page_classes

    assert tuple(page.name for page in page_classes()) == PAGES
