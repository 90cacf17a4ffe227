"""Settings in words: how the window writes a choice or a value, and what is wrong with one."""

from __future__ import annotations

from typing import Any

from engine.config import RunConfig
from engine.errors import BadSetting
from engine.settings import Group, Setting, number, parse

LABELS: dict[Any, str] = {
    "ddpm": "DDPM", "ddim": "DDIM", "dpmpp-2m": "DPM++ 2M",
    "dpmpp-3m": "DPM++ 3M", "unipc": "UniPC", "ipndm": "iPNDM", "karras": "Karras", "log-snr": "Even log SNR",
    "min-snr": "Min-SNR", "soft-min-snr": "Soft min-SNR", "v": "v", "x0": "x₀", "edm": "EDM mix",
    "adamw": "AdamW", "muon": "Muon",
    "uniform-t": "Uniform t", "log-normal": "Log-normal", "scale-shift": "Scale and shift", "fp32": "fp32",
    "bf16": "bf16", "mnist": "MNIST", True: "on", False: "off"}


def choice_label(value: Any) -> str:
    """How the window writes a choice: "ddim" is "DDIM", "linear" is "Linear"."""
    if isinstance(value, bool | str) and value in LABELS:
        return LABELS[value]
    text = str(value)
    return text[:1].upper() + text[1:] if isinstance(value, str) else number(value)


def value_text(setting: Setting, value: Any) -> str:
    """A setting's value in words, as a fixed row shows it."""
    if setting.choices or isinstance(value, bool | str):
        return choice_label(value)
    if isinstance(value, tuple | list):
        return ", ".join(number(part) for part in value) or "none"
    return f"{number(value)} {setting.unit}" if setting.unit else number(value)


def setting_fault(setting: Setting, value: Any) -> str:
    """The engine's sentence for a wrong value, "" for a right one."""
    model = RunConfig.model_fields[setting.group].annotation if setting.group else None
    if not isinstance(model, type) or not issubclass(model, Group):
        return ""
    try:
        parse(model, {setting.name: value})
    except BadSetting as error:
        return error.headline
    return ""
