"""The presets that ship."""

import pytest

from engine.errors import BadSetting
from engine.presets import load_preset, preset_names, preset_why


def test_presets_are_what_their_names_say() -> None:
    assert preset_names() == ["quick", "standard", "textbook", "large"]
    for name in preset_names():
        assert load_preset(name).preset == name
        assert len(preset_why(name)) > 80
    assert preset_why("of a person") == ""
    textbook = load_preset("textbook")
    assert textbook.diffusion.parameterisation == "noise"
    assert textbook.diffusion.noise_levels == "uniform-t"
    assert textbook.diffusion.num_timesteps == 1000
    assert textbook.model.stem == 1
    assert load_preset("quick").model.stem == 2


def test_a_preset_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadSetting, match="Presets: quick"):
        load_preset("../../etc/passwd")
