"""How a CLIP is come by: built by open_clip, filled from the file that ships, the hub's cache or a file of the user's.

A model is handed out only when all of it is right, so whoever held one before still holds it after a failure.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.convert import convert_state_dict
from open_clip.model import convert_to_custom_text_state_dict
from torch import Tensor

from engine.clip.files import IN_DOMAIN, IN_DOMAIN_ARCHITECTURE, IN_DOMAIN_CONFIG, IN_DOMAIN_FILE, in_domain_record
from engine.clip.hub import cached_file
from engine.clip.model import ClipModel
from engine.clip.sources import FILE_ARCHITECTURES, GeneralClip, check_source, file_of, general, title
from engine.clip.weights import read_weights
from engine.errors import BadSetting, DiffuscopeError


@lru_cache(maxsize=1)
def _register_in_domain() -> None:
    open_clip.add_model_config(IN_DOMAIN_CONFIG)


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip warns on the root logger of a model without weights; here they come next."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def new_model(architecture: str, *, tag: str = "", device: torch.device | str = "cpu") -> ClipModel:
    """A model of an open_clip architecture with weights from torch's global generator.

    tag: of the published weights that it is meant for; they decide activation, mean and standard deviation.
    Raises BadSetting for an architecture that open_clip does not know.
    """
    _register_in_domain()
    config: dict[str, Any] = dict(open_clip.get_pretrained_cfg(architecture, tag)) if tag else {}
    if architecture not in open_clip.list_models():
        raise BadSetting(f"open_clip knows no architecture called {architecture}.",
                         f"Among those it knows are {', '.join(FILE_ARCHITECTURES)}.")
    with _quiet():
        network = open_clip.create_model(
            architecture, pretrained=None, load_weights=False, pretrained_text=False,
            force_quick_gelu=bool(config.get("quick_gelu")),
            force_preprocess_cfg={name: config[name] for name in ("mean", "std") if name in config})
    prepared = network.visual.preprocess_cfg
    size = prepared["size"] if isinstance(prepared["size"], int) else prepared["size"][0]
    return ClipModel(network, open_clip.get_tokenizer(architecture), size, tuple(prepared["mean"]),
                     tuple(prepared["std"]), architecture=architecture, device=torch.device(device))


def new_in_domain() -> ClipModel:
    """The in-domain architecture, untrained."""
    return new_model(IN_DOMAIN_ARCHITECTURE)


def load_clip(source: str, *, device: torch.device | str = "cpu") -> ClipModel:
    """The model of a source; nothing is downloaded. A file is named ARCHITECTURE@PATH.

    Raises BadSetting for what is no source, DiffuscopeError for weights that are
    not here, damaged, of another architecture, or not weights.
    """
    source = check_source(source)
    if source == IN_DOMAIN:
        return _in_domain(device)
    if (known := general(source)) is not None:
        return _general(known, device)
    architecture, path = file_of(source)
    model = filled(new_model(architecture, device=device), path)
    model.source, model.title = source, title(source)
    return model


def _in_domain(device: torch.device | str) -> ClipModel:
    record = in_domain_record()
    model = filled(new_model(IN_DOMAIN_ARCHITECTURE, device=device), IN_DOMAIN_FILE)
    if record.get("sha256") != model.sha256:
        raise DiffuscopeError(f"The weights {IN_DOMAIN_FILE.name} are damaged: their checksum differs from the "
                              "recorded one.",
                              f"Restore {IN_DOMAIN_FILE}, or make it anew with benchmarks/train_clip.py.")
    model.source, model.title, model.record = IN_DOMAIN, title(IN_DOMAIN), record
    return model


def _general(known: GeneralClip, device: torch.device | str) -> ClipModel:
    path = cached_file(known)
    if path is None:
        raise DiffuscopeError(
            f"The weights of {known.source} are not on this computer; they take about "
            f"{known.about_bytes / 1e6:.0f} MB.",
            "Download them on the CLIP page or with `python main.py clip --model TAG --download`, or choose a file of "
            "weights.")
    model = filled(new_model(known.architecture, tag=known.tag, device=device), path)
    model.source, model.title = known.source, title(known.source)
    return model


def filled(model: ClipModel, path: Path) -> ClipModel:
    """The model with a file's weights, converted to float32.

    Raises DiffuscopeError for a file that holds no weights or those of another architecture; all must fit.
    """
    tensors, sha256 = read_weights(path)
    network = model.network
    try:
        tensors = convert_state_dict(network, tensors)
        if "positional_embedding" in tensors and not hasattr(network, "positional_embedding"):
            tensors = convert_to_custom_text_state_dict(tensors)
    except (KeyError, AttributeError, RuntimeError, TypeError):
        raise _other_architecture(path, model) from None
    expected = network.state_dict()
    tensors.pop("text.transformer.embeddings.position_ids", None)
    if "logit_scale" in tensors and tensors["logit_scale"].numel() == 1:  # stored as a scalar or as one value
        tensors["logit_scale"] = tensors["logit_scale"].reshape(expected["logit_scale"].shape)
    if _misfit(expected, tensors):
        raise _other_architecture(path, model)
    if not all(bool(value.isfinite().all()) for value in tensors.values() if value.is_floating_point()):
        raise DiffuscopeError(f"{path.name} holds values that are not finite.", "Get the file once more.")
    network.load_state_dict({name: value.to(expected[name].dtype) for name, value in tensors.items()})
    model.sha256 = sha256
    return model


def _misfit(expected: dict[str, Tensor], found: dict[str, Tensor]) -> bool:
    return expected.keys() != found.keys() or any(expected[name].shape != found[name].shape for name in expected)


def _other_architecture(path: Path, model: ClipModel) -> DiffuscopeError:
    return DiffuscopeError(f"{path.name} holds weights of another architecture than {model.architecture}.",
                           "Choose the architecture that the file was made for.")
