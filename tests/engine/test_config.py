"""One definition of each setting: it reaches the file, the command line, the widget and the error text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import RunConfig
from engine.errors import BadSetting
from engine.presets import load_preset, preset_names
from engine.settings import describe, parse


def test_every_setting_is_described_in_words() -> None:
    found = list(describe(RunConfig))
    assert len(found) > 35
    for s in found:
        assert s.label
        assert s.help.endswith("."), s.name
        if s.kind in (int, float) and not s.choices:
            assert s.minimum is not None, s.name
            assert s.maximum is not None, s.name
            assert s.default is None or s.minimum <= s.default <= s.maximum


def test_the_file_round_trips() -> None:
    for name in preset_names():
        config = load_preset(name)
        assert parse(RunConfig, json.loads(config.model_dump_json())) == config


@pytest.mark.parametrize(("values", "sentence"), [
    ({"diffusion": {"num_timesteps": 0}}, "Steps T must be from 50 to 1\u202f000 steps; 0 is not."),
    ({"training": {"learning_rate": 0}}, "Learning rate must be above 0 and at most 1; 0 is not."),
    ({"training": {"beta1": 1}}, "AdamW beta 1 must be from 0 to below 1; 1 is not."),
    ({"model": {"embedding_width": 33}},
     "Embedding must be a multiple of 2 from 16 to 1\u202f024 channels; 33 is not."),
    ({"model": {"embedding_width": 15}},
     "Embedding must be a multiple of 2 from 16 to 1\u202f024 channels; 15 is not."),
    ({"sampling": {"guidance_scale": 9}}, "Guidance must be from 0 to 8; 9 is not."),
    ({"sampling": {"sampler": "magic"}},
     "Sampler must be one of ddpm, ddim, euler, heun, dpmpp-2m, dpmpp-3m, unipc, ipndm; 'magic' is not."),
    ({"training": {"colour": 1}}, "There is no setting called training.colour."),
    ({"model": {"attention_levels": [2]}}, "Attention levels must be from 0 to 1."),
    ({"diffusion": {"parameterisation": "noise", "uniform_share": 0}},
     "Noise prediction needs a uniform share above 0, or noise levels uniform-t."),
    ({"sampling": {"sampler": "ddim", "num_steps": 51}, "diffusion": {"num_timesteps": 50}},
     "Sampling steps must be from 1 to T = 50 where they are timesteps of the schedule; 51 is not."),
    ({"sampling": {"autoguide_step": -1}},
     "Guide against must be from 0 to 1\u202f000\u202f000\u202f000\u202f000; \u22121 is not."),
    ({"training": {"learning_rate": float("nan")}}, "Learning rate must be above 0 and at most 1; nan is not."),
    ({"diffusion": {"weighting": "max-snr"}},
     "Weighting must be one of simple, min-snr, soft-min-snr, edm; 'max-snr' is not."),
    ({"diffusion": {"parameterisation": "noise", "zero_terminal_snr": True}},
     "Zero terminal SNR leaves only noise at T, from which predicted noise gives no picture; predict v, x0 or edm "
     "with it."),
    ({"diffusion": {"zero_terminal_snr": True, "uniform_share": 0}},
     "Zero terminal SNR needs a uniform share above 0, or noise levels uniform-t, so that T itself is trained."),
])
def test_a_wrong_value_is_answered_with_what_would_be_right(values, sentence) -> None:
    with pytest.raises(BadSetting) as error:
        parse(RunConfig, values)
    assert str(error.value) == sentence


@given(st.integers(1, 8192), st.floats(1e-6, 1.0), st.sampled_from(["noise", "v", "x0", "edm"]))
def test_changes_are_checked_copies(batch, rate, parameterisation) -> None:
    base = RunConfig()
    config = base.changed(training={"batch_size": batch, "learning_rate": rate},
                          diffusion={"parameterisation": parameterisation})
    assert config.training.batch_size == batch
    assert base == RunConfig()
    assert parse(RunConfig, json.loads(config.model_dump_json())) == config


def test_settings_of_earlier_versions_mean_what_they_meant() -> None:
    values = json.loads(RunConfig().model_dump_json())
    for name in ("weighting", "stratified", "zero_terminal_snr"):
        del values["diffusion"][name]
    diffusion = parse(RunConfig, values).diffusion
    assert (diffusion.weighting, diffusion.stratified, diffusion.zero_terminal_snr) == ("simple", False, False)


@pytest.mark.parametrize("parameterisation", ["v", "x0", "edm"])
def test_zero_terminal_snr_goes_with_whatever_does_not_divide_by_the_signal(parameterisation) -> None:
    changed = RunConfig().changed(diffusion={"parameterisation": parameterisation, "zero_terminal_snr": True})
    assert changed.diffusion.zero_terminal_snr
