"""The parts of a training step against their closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.config import DiffusionConfig, TrainingConfig
from engine.diffusion.schedules import schedule
from engine.errors import BadSetting
from engine.runs import Segment
from engine.training.batches import Batch, Batches, Order
from engine.training.ema import PowerEma
from engine.training.plan import check_end, continued, fall_begins, learning_rate_at, plan_steps


def test_learning_rate_warms_up_holds_and_falls_to_zero() -> None:
    config = TrainingConfig(num_steps=100, warmup_steps=10, decay_share=0.4, learning_rate=1e-2)
    segments = [Segment(start=0, end=100, learning_rate=1e-2)]
    rates = [learning_rate_at(s, segments, config) for s in range(100)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates[9] == pytest.approx(1e-2)
    assert rates[30] == rates[59] == pytest.approx(1e-2)
    assert rates[80] == pytest.approx(0.5e-2)
    assert rates[99] == pytest.approx(1e-2 / 40)


def test_continuing_warms_up_to_half_and_falls_over_its_own_end() -> None:
    config = TrainingConfig(num_steps=100, warmup_steps=10, decay_share=0.4, learning_rate=1e-2)
    segments = continued([Segment(start=0, end=100, learning_rate=1e-2)], 50, config)
    assert segments[-1] == Segment(start=100, end=150, learning_rate=0.5e-2)
    rates = [learning_rate_at(s, segments, config) for s in range(100, 150)]
    assert rates[0] == pytest.approx(0.5e-3)
    assert max(rates) == pytest.approx(0.5e-2)
    assert rates[40] == pytest.approx(0.25e-2)  # half of the last 20 steps


@pytest.mark.parametrize(("start", "end", "share"), [(0, 1100, 0.4), (0, 100, 0.33), (1100, 1150, 0.4), (0, 7, 1.0)])
def test_where_the_learning_rate_begins_to_fall(start: int, end: int, share: float) -> None:
    config = TrainingConfig(num_steps=end, warmup_steps=0, decay_share=share)
    segment = Segment(start=start, end=end, learning_rate=1.0)
    rates = [learning_rate_at(s, [segment], config) for s in range(start, end)]
    assert start + next(i for i, rate in enumerate(rates) if rate < 1) == fall_begins(segment, config)


def test_without_a_fall_there_is_none_to_begin() -> None:
    segment = Segment(start=0, end=100, learning_rate=1.0)
    assert fall_begins(segment, TrainingConfig(decay_share=0.0)) > 100


def test_a_planned_end_moves_until_it_is_passed_or_the_rate_falls() -> None:
    config = TrainingConfig(num_steps=1100, decay_share=0.4)
    segments = [Segment(start=0, end=1100, learning_rate=1e-2)]
    check_end(501, 500, segments, config)
    check_end(5000, 661, segments, config)
    with pytest.raises(BadSetting, match=r"must be beyond step 500, which this run has reached; 500 is not\."):
        check_end(500, 500, segments, config)
    with pytest.raises(BadSetting, match=r"stays at 1.100: the learning rate has been falling .* since step 661\."):
        check_end(5000, 662, segments, config)
    check_end(1100, 662, segments, config)  # nothing moves
    longer = continued(segments, 1000, config)
    check_end(1200, 1150, longer, config)
    with pytest.raises(BadSetting, match=r"must be beyond step 1.100"):
        check_end(900, 800, longer, config)


def test_planned_steps_fill_the_time() -> None:
    assert plan_steps(60, 30, 3.0, 0.1) == 30 + 570
    assert plan_steps(1, 30, 3.0, 0.1) == 31


def test_ema_is_its_closed_form() -> None:
    layer = nn.Linear(1, 1, bias=False)
    ema = PowerEma(layer, gamma=4.0)
    values = [3.0, -1.0, 2.0, 5.0]
    expected = 0.0
    for n, value in enumerate(values, start=1):
        with torch.no_grad():
            layer.weight.fill_(value)
        ema.update(n)
        beta = (1 - 1 / n) ** 5
        expected = beta * expected + (1 - beta) * value
    assert ema.network.weight.item() == pytest.approx(expected, rel=1e-6)
    assert layer.weight.item() == 5.0  # the trained weights are not touched


def test_ema_of_constant_weights_is_the_weights_and_buffers_are_copied() -> None:
    norm = nn.BatchNorm1d(3)
    ema = PowerEma(norm, gamma=10)
    norm.num_batches_tracked.fill_(7)
    for n in range(1, 20):
        ema.update(n)
    torch.testing.assert_close(ema.network.weight, norm.weight)
    assert int(ema.network.num_batches_tracked) == 7


def test_a_step_change_of_the_weights_follows_the_product_of_betas() -> None:
    layer = nn.Linear(1, 1, bias=False).double()
    ema = PowerEma(layer, 18.0, 6.0)
    product = {18.0: 1.0, 6.0: 1.0}
    for n in range(1, 301):
        with torch.no_grad():
            layer.weight.fill_(2.0 if n <= 100 else 5.0)
        ema.update(n)
        if n > 100:
            for gamma in product:
                product[gamma] *= (1 - 1 / n) ** (gamma + 1)
                average = (ema.network.weight if gamma == 18.0 else ema.wide["weight"]).item()
                assert average == pytest.approx(5.0 - 3.0 * product[gamma], rel=1e-12)
                assert product[gamma] == pytest.approx((100 / n) ** (gamma + 1), rel=1e-9)  # it telescopes
    assert product[18.0] < 1e-8 < 1e-4 < product[6.0]


def test_both_averages_are_updated_and_the_second_can_be_dropped() -> None:
    norm = nn.BatchNorm1d(3)
    ema = PowerEma(norm, 10.0, 3.0)
    one, two = PowerEma(norm, 10.0), PowerEma(norm, 3.0)
    assert one.wide == {}
    for n in range(1, 9):
        with torch.no_grad():
            norm.weight.mul_(1.1)
        for average in (ema, one, two):
            average.update(n)
    assert torch.equal(ema.network.weight, one.network.weight)
    assert ema.wide.keys() == dict(norm.named_parameters()).keys()
    assert torch.equal(ema.wide["weight"], two.network.weight)
    assert not torch.equal(ema.wide["weight"], ema.network.weight)
    ema.drop_wide()
    ema.update(9)
    assert ema.wide == {}


def test_order_shows_each_image_once_an_epoch_wherever_it_is_asked() -> None:
    order = Order(10, seed=4)
    whole = torch.cat([order.indices(start, 4) for start in range(0, 40, 4)])
    for epoch in range(4):
        assert sorted(whole[10 * epoch : 10 * epoch + 10].tolist()) == list(range(10))
    assert not torch.equal(whole[:10], whole[10:20])
    again = Order(10, seed=4)
    assert torch.equal(again.indices(17, 9), whole[17:26])
    assert not torch.equal(Order(10, seed=5).indices(0, 10), whole[:10])


def batches(**changes) -> Batches:
    images = torch.arange(256, dtype=torch.uint8).reshape(256, 1, 1, 1)
    labels = torch.zeros(256, dtype=torch.long)
    return Batches(images, labels, DiffusionConfig(**changes), schedule("linear", 1000), seed=3)


def test_pixels_span_minus_one_to_one_and_a_batch_is_a_function_of_images_seen() -> None:
    source = batches()
    batch = source(0, 256)
    assert float(batch.x0.min()) == -1
    assert float(batch.x0.max()) == 1
    again = batches()(0, 256)
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    assert not torch.equal(source(256, 256).eps, batch.eps)


def test_only_allowed_classes_are_mirrored_and_nothing_else_changes_with_it() -> None:
    images = torch.arange(64 * 4, dtype=torch.int64).reshape(64, 1, 1, 4).to(torch.uint8)
    labels = torch.arange(64) % 2

    def drawn(flips: tuple[bool, ...]) -> Batch:
        return Batches(images, labels, DiffusionConfig(), schedule("linear", 1000), 3, flips)(0, 64)

    plain, mirrored = drawn(()), drawn((False, True))
    same = (plain.x0 == mirrored.x0).flatten(1).all(dim=1)
    assert same[mirrored.class_labels == 0].all()
    assert 8 <= int((~same[mirrored.class_labels == 1]).sum()) <= 24
    assert torch.equal(mirrored.x0[~same], plain.x0[~same].flip(-1))
    for name in ("eps", "sigma", "class_labels", "class_mask"):
        assert torch.equal(getattr(plain, name), getattr(mirrored, name))
    assert torch.equal(drawn((False, False)).x0, plain.x0)


def test_classes_are_dropped_one_by_one_at_the_set_share() -> None:
    source = batches(label_drop=0.1)
    masks = torch.cat([source(256 * i, 256).class_mask for i in range(80)])
    assert set(masks.tolist()) == {0.0, 1.0}
    assert float(1 - masks.mean()) == pytest.approx(0.1, abs=0.006)


def test_uniform_t_visits_every_level_and_nothing_beyond() -> None:
    sigmas = torch.cat([batches(noise_levels="uniform-t")(256 * i, 256).sigma for i in range(60)])
    known = schedule("linear", 1000).sigma
    assert float(sigmas.max()) == pytest.approx(float(known[-1]), rel=1e-5)
    assert float(sigmas.min()) == pytest.approx(float(known[1]), rel=1e-4)
    t = np.searchsorted(known, sigmas.double().numpy() * (1 - 1e-6))
    assert np.bincount(t // 101, minlength=10).min() > 1200


def test_log_normal_levels_have_their_mean_and_spread() -> None:
    source = batches(noise_levels="log-normal", log_sigma_mean=-0.2, log_sigma_std=1.0, uniform_share=0.0)
    logs = torch.cat([source(256 * i, 256).sigma for i in range(40)]).log()
    assert float(logs.mean()) == pytest.approx(-0.2, abs=0.03)
    assert float(logs.std()) == pytest.approx(1.0, abs=0.03)
