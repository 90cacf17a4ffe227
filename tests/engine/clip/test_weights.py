"""Files that are not what they should be: one sentence, nothing in them runs, and the model before stays."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.clip.files import IN_DOMAIN, IN_DOMAIN_ARCHITECTURE, IN_DOMAIN_FILE
from engine.clip.loading import load_clip
from engine.clip.weights import read_weights
from engine.errors import BadSetting, DiffuscopeError
from engine.workspace import Workspace

TOUCHED: list[str] = []


def touch(word: str) -> str:
    TOUCHED.append(word)
    return word


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return touch, ("ran",)


def legacy_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": Code()}))


def zip_pickle(path: Path) -> None:
    torch.save({"weight": torch.ones(2), "extra": Code()}, path)


def script(path: Path) -> None:
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), str(path))


def text(path: Path) -> None:
    path.write_text("not weights at all, but long enough to have a header", encoding="utf-8")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(IN_DOMAIN_FILE.read_bytes()[:100_000])


def truncated_zip(path: Path) -> None:
    torch.save({"weight": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])


def other_architecture(path: Path) -> None:
    save_file({"visual.conv1.weight": torch.ones(4, 3, 3, 3)}, path)


def not_finite(path: Path) -> None:
    tensors = load_file(IN_DOMAIN_FILE)
    tensors["text_projection"][0, 0] = float("nan")
    save_file(tensors, path)


def a_list(path: Path) -> None:
    torch.save([torch.ones(2)], path)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
@pytest.mark.parametrize(("write", "words"), [
    (legacy_pickle, "holds more than weights"), (zip_pickle, "holds more than weights"), (script, "TorchScript"),
    (text, "holds no weights"), (empty, "holds no weights"), (truncated, "cut short"), (truncated_zip, "cut short"),
    (other_architecture, "another architecture"), (not_finite, "not finite"), (a_list, "holds no weights")])
def test_a_bad_file_gets_a_sentence_and_the_model_before_stays(tmp_path: Path, write: Any, words: str) -> None:
    path = tmp_path / "weights.bin"
    write(path)
    TOUCHED.clear()
    workspace = Workspace("cpu", threads=1)
    before = workspace.clip(IN_DOMAIN)
    with pytest.raises(DiffuscopeError, match=words) as found:
        workspace.clip(f"{IN_DOMAIN_ARCHITECTURE}@{path}")
    assert found.value.headline.count(". ") == 0
    assert TOUCHED == []
    assert workspace.clip(IN_DOMAIN) is before
    workspace.close()


def test_the_pickle_with_code_does_run_where_it_is_trusted(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    path = tmp_path / "weights.bin"
    legacy_pickle(path)
    TOUCHED.clear()
    pickle.loads(path.read_bytes())
    assert TOUCHED == ["ran"]


@pytest.mark.parametrize("kind", ["safetensors", "torch", "wrapped"])
def test_a_good_file_is_loaded_whatever_it_is_called(tmp_path: Path, kind: str) -> None:
    tensors = load_file(IN_DOMAIN_FILE)
    path = tmp_path / "some weights"
    if kind == "safetensors":
        save_file(tensors, path)
    elif kind == "torch":
        torch.save(tensors, path)
    else:
        torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in tensors.items()}}, path)
    found, _ = read_weights(path)
    assert found.keys() == tensors.keys()
    model = load_clip(f"{IN_DOMAIN_ARCHITECTURE}@{path}")
    assert torch.equal(model.network.state_dict()["text_projection"], tensors["text_projection"].float())
    assert not model.in_domain  # it is a file like any other


def test_a_file_that_changed_is_loaded_again(tmp_path: Path) -> None:
    tensors = load_file(IN_DOMAIN_FILE)
    path = tmp_path / "weights.safetensors"
    save_file(tensors, path)
    workspace = Workspace("cpu", threads=1)
    source = f"{IN_DOMAIN_ARCHITECTURE}@{path}"
    before = workspace.clip(source)
    assert workspace.clip(source) is before
    tensors["logit_scale"] = tensors["logit_scale"] + 1
    save_file(tensors, path)
    assert workspace.clip(source).logit_scale > before.logit_scale
    workspace.close()


def test_what_is_no_source_is_told_with_what_is_one() -> None:
    with pytest.raises(BadSetting, match="no CLIP called nonsense") as found:
        load_clip("nonsense")
    assert "in-domain" in found.value.advice


def test_an_architecture_that_open_clip_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    other_architecture(path)
    with pytest.raises(BadSetting, match="no architecture called ViT-X"):
        load_clip(f"ViT-X@{path}")
