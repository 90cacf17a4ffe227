"""How training draws noise levels: as before bit for bit, or one from each stratum of the same distribution."""

import pytest
import torch

from engine.build import NOISE
from engine.config import DiffusionConfig
from engine.diffusion.noise import stream
from engine.diffusion.schedules import schedule
from engine.training.batches import Batches

LEVELS = schedule("linear", 1000)
KINDS = [{"noise_levels": "uniform-t"}, {"noise_levels": "log-normal", "uniform_share": 0.0},
         {"noise_levels": "log-normal", "uniform_share": 0.25}]


def source(seed: int = 3, **changes) -> Batches:
    images = torch.arange(256, dtype=torch.uint8).reshape(256, 1, 1, 1)
    return Batches(images, torch.zeros(256, dtype=torch.long), DiffusionConfig(**changes), LEVELS, seed)


def strata_of_t(sigma: torch.Tensor, count: int) -> list[int]:
    """The stratum, of `count` equal ones over t, of each level."""
    known = torch.from_numpy(LEVELS.sigma.copy()).float()
    t = torch.searchsorted(known, sigma.contiguous())
    assert torch.equal(known[t], sigma)
    return ((t - 1) * count // 1000).tolist()


def strata_of_log_normal(sigma: torch.Tensor, count: int, mean: float = -0.2, std: float = 1.0) -> list[int]:
    share = torch.special.ndtr((sigma.double().log() - mean) / std)
    return (share * count).floor().long().clamp(0, count - 1).tolist()


def test_a_batch_has_one_uniform_t_in_each_stratum() -> None:
    sigma = source(stratified=True, noise_levels="uniform-t")(0, 50).sigma
    assert sorted(strata_of_t(sigma, 50)) == list(range(50))


def test_a_batch_has_one_log_normal_level_in_each_stratum() -> None:
    sigma = source(stratified=True, uniform_share=0.0)(0, 64).sigma
    assert sorted(strata_of_log_normal(sigma, 64)) == list(range(64))


def test_the_uniform_share_and_the_rest_are_stratified_each_for_itself() -> None:
    sigma = source(stratified=True, uniform_share=0.25)(0, 80).sigma
    assert sorted(strata_of_t(sigma[:20], 20)) == list(range(20))
    assert sorted(strata_of_log_normal(sigma[20:], 60)) == list(range(60))


def test_within_a_stratum_every_place_is_drawn() -> None:
    draws = torch.cat([source(stratified=True, noise_levels="uniform-t")(4 * i, 4).sigma for i in range(400)])
    places = torch.tensor(strata_of_t(draws, 100))
    assert places.bincount(minlength=100).min() >= 1
    logs = torch.cat([source(stratified=True, uniform_share=0.0)(64 * i, 64).sigma for i in range(40)]).log()
    assert float(logs.mean()) == pytest.approx(-0.2, abs=0.003)  # unstratified: a standard error of 0.02
    assert float(logs.std()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stratified", [False, True])
def test_levels_are_a_function_of_seed_and_images_seen(kind: dict, stratified: bool) -> None:
    one = source(stratified=stratified, **kind)
    one(0, 64)
    batch = one(64, 64)
    again = source(stratified=stratified, **kind)(64, 64)
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    assert not torch.equal(batch.sigma, one(128, 64).sigma)
    assert not torch.equal(batch.sigma, source(seed=4, stratified=stratified, **kind)(64, 64).sigma)


@pytest.mark.parametrize("kind", KINDS)
def test_levels_stay_within_what_the_network_may_be_asked(kind: dict) -> None:
    wide = {**kind, "log_sigma_std": 5.0}
    sigma = torch.cat([source(stratified=True, **wide)(128 * i, 128).sigma for i in range(50)])
    assert torch.isfinite(sigma).all()
    assert float(sigma.max()) <= LEVELS.sigma_max * (1 + 1e-6)
    assert float(sigma.min()) >= LEVELS.sigma[1] / 5 * (1 - 1e-6)


def test_a_batch_of_one_and_no_uniform_share_can_be_stratified() -> None:
    assert source(stratified=True, uniform_share=0.0)(0, 1).sigma.shape == (1,)
    assert source(stratified=True, uniform_share=1.0)(0, 3).sigma.shape == (3,)


@pytest.mark.parametrize("kind", KINDS)
def test_without_strata_the_draw_is_what_it_always_was(kind: dict) -> None:
    """Runs of earlier versions resume bit for bit, so the order of draws and the arithmetic are fixed."""
    config = DiffusionConfig(**kind)
    batch = source(**kind)(640, 40)
    g = stream(3, NOISE, 640)
    known = torch.from_numpy(LEVELS.sigma.copy()).float()
    sigma = known[torch.randint(1, 1001, (40,), generator=g)]
    if config.noise_levels == "log-normal":
        normal = torch.randn(40, generator=g)
        log_normal = (-0.2 + 1.0 * normal).exp().clamp(float(known[1]) / 5, float(known[-1]))
        sigma = torch.where(torch.arange(40) < round(config.uniform_share * 40), sigma, log_normal)
    kept = torch.rand(40, generator=g) >= 0.1
    assert torch.equal(batch.sigma, sigma)
    assert torch.equal(batch.class_mask, kept.float())
    assert torch.equal(batch.eps, torch.randn(batch.x0.shape, generator=g))
