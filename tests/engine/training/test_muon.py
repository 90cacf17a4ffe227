"""Muon against the singular value decomposition that it approximates."""

import pytest
import torch
from torch import nn

from engine.training.muon import (
    MOMENTUM,
    GramMuon,
    Muon,
    is_hidden_matrix,
    muon_for,
    orthogonalised,
    orthogonalising,
)

both = pytest.mark.parametrize("form", [Muon, GramMuon])


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def take_step(muon: Muon | GramMuon, rate: float, bad: torch.Tensor) -> None:
    for task in muon.tasks(rate, bad):
        task()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 8, 72), (2, 72, 8), (1, 1, 5)])
def test_singular_values_become_nearly_one_and_their_vectors_stay(shape) -> None:
    matrices = gaussian(*shape)
    result = orthogonalised(matrices)
    values = torch.linalg.svdvals(result)
    before = torch.linalg.svdvals(matrices)
    assert values.max() < 1.3
    # Of a square Gaussian matrix the smallest values may be under what five iterations lift.
    assert values[before > 0.1 * before.amax(1, keepdim=True)].min() > 0.65
    # U^T result V is diagonal and positive.
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    core = u.mT @ result @ vh.mT
    diagonal = torch.diagonal(core, dim1=-2, dim2=-1)
    assert (diagonal > 0).all()
    torch.testing.assert_close(core, torch.diag_embed(diagonal), rtol=0, atol=2e-3)


def test_scale_does_not_matter_and_zero_stays_zero() -> None:
    matrices = gaussian(2, 6, 9)
    torch.testing.assert_close(orthogonalised(matrices), orthogonalised(1e3 * matrices), rtol=1e-3, atol=1e-4)
    assert (orthogonalised(torch.zeros(2, 6, 9)) == 0).all()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 8, 72), (1, 1, 5), (2, 96, 128), (4, 48, 432)])
@pytest.mark.parametrize("decay", [1.0, 1e-3, 1e-6])
def test_by_way_of_the_gram_matrix_it_is_the_same(shape, decay) -> None:
    # Singular values that fall to `decay` of the largest: their squares are what the Gram matrix has.
    u, values, vh = torch.linalg.svd(gaussian(*shape).double(), full_matrices=False)
    falling = torch.logspace(0, float(torch.tensor(decay).log10()), values.shape[-1], dtype=torch.float64)
    x = (u * (values[:, :1] * falling)[:, None] @ vh).float()
    expected = orthogonalised(x.double())
    result = orthogonalising(x @ x.mT) @ x
    torch.testing.assert_close(result.double(), expected, rtol=0, atol=5e-3)


def test_by_way_of_the_gram_matrix_scale_does_not_matter_and_zero_stays_zero() -> None:
    x = gaussian(2, 6, 9)
    for scale in (1e-5, 1e4):
        scaled = scale * x
        torch.testing.assert_close(orthogonalising(scaled @ scaled.mT) @ scaled, orthogonalised(x), rtol=0, atol=1e-3)
    assert torch.equal(orthogonalising(torch.zeros(1, 6, 6)) @ torch.zeros(1, 6, 9), torch.zeros(1, 6, 9))


@both
def test_a_step_is_its_formula_for_a_linear_layer(form) -> None:
    weight = nn.Parameter(gaussian(12, 3))
    before = weight.detach().clone()
    muon = form([("w", weight)])
    momentum = torch.zeros(12, 3)
    for index in range(3):
        gradient = gaussian(12, 3, seed=index + 1)
        weight.grad = gradient.clone()
        take_step(muon, 0.1, torch.zeros(()))
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        nesterov = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        before -= 0.1 * 2.0 * orthogonalised(nesterov[None])[0]  # sqrt(12 / 3)
        torch.testing.assert_close(weight.detach(), before, rtol=1e-5, atol=1e-5)


@both
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_convolution_is_a_matrix_in_either_memory_layout(form, memory_format) -> None:
    def moved(weight: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        parameter = nn.Parameter(weight.clone().contiguous(memory_format=memory_format))
        parameter.grad = gradient.contiguous(memory_format=memory_format)
        take_step(form([("c", parameter)]), 0.05, torch.zeros(()))
        return parameter.detach()

    weight, gradient = gaussian(4, 6, 3, 3), gaussian(4, 6, 3, 3, seed=1)
    change = moved(weight, gradient) - weight
    direction = orthogonalised(gradient.permute(0, 2, 3, 1).reshape(1, 4, 54))[0]
    expected = -0.05 * direction.view(4, 3, 3, 6).permute(0, 3, 1, 2)
    torch.testing.assert_close(change, expected, rtol=1e-4, atol=1e-6)


def network_like() -> list[tuple[str, nn.Parameter]]:
    """Wide, tall and square matrices and convolutions of the same shorter side, and of others."""
    shapes = [(8, 6, 3, 3), (8, 8), (16, 8), (16, 12, 1, 1), (8, 4, 3, 3), (12, 16)]
    weights = [gaussian(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    return [(f"w{place}", nn.Parameter(w.contiguous(memory_format=torch.channels_last) if w.dim() == 4 else w))
            for place, w in enumerate(weights)]


def test_both_forms_walk_the_same_way_and_take_up_each_others_states() -> None:
    walks: dict[str, list[tuple[str, nn.Parameter]]] = {}
    states = {}
    for first, second in ((Muon, GramMuon), (GramMuon, Muon)):
        named = network_like()
        muon = first(named)
        for index in range(6):
            if index == 3:
                states[first] = {name: value.clone() for name, value in muon.state().items()}
                muon = second(named)
                muon.load_state(states[first])
            for place, (_, weight) in enumerate(named):
                gradient = gaussian(*weight.shape, seed=100 * index + place)
                if weight.dim() == 4 and index % 2:  # in whichever order autograd leaves it
                    gradient = gradient.contiguous(memory_format=torch.channels_last)
                weight.grad = gradient
            take_step(muon, 0.02, torch.zeros(()))
        walks[first.__name__] = named
    for name, value in states[Muon].items():
        torch.testing.assert_close(states[GramMuon][name], value)
    for (_, one), (_, other), (_, start) in zip(walks["Muon"], walks["GramMuon"], network_like(), strict=True):
        assert (one - start).abs().max() > 0.02
        torch.testing.assert_close(one, other, rtol=0, atol=2e-3)


def test_the_gram_form_is_for_cpus() -> None:
    assert isinstance(muon_for(network_like(), torch.device("cpu")), GramMuon)
    assert isinstance(muon_for(network_like(), torch.device("cuda")), Muon)


@both
def test_a_bad_step_changes_neither_weights_nor_momentum(form) -> None:
    weight = nn.Parameter(gaussian(4, 5))
    muon = form([("w", weight)])
    weight.grad = gaussian(4, 5, seed=1)
    take_step(muon, 0.1, torch.zeros(()))
    kept, momentum = weight.detach().clone(), muon.state()["w"].clone()
    weight.grad = torch.full((4, 5), torch.nan)
    take_step(muon, 0.1, torch.ones(()))
    assert torch.equal(weight.detach(), kept)
    assert torch.equal(muon.state()["w"], momentum)


@both
def test_state_is_taken_up_by_name(form) -> None:
    def make() -> tuple[list[nn.Parameter], Muon | GramMuon]:
        weights = [nn.Parameter(gaussian(4, 5)), nn.Parameter(gaussian(2, 3)), nn.Parameter(gaussian(4, 5, seed=1))]
        return weights, form(list(zip("abc", weights, strict=True)))

    def steps(weights: list[nn.Parameter], muon: Muon | GramMuon, seeds: range) -> None:
        for seed in seeds:
            for place, weight in enumerate(weights):
                weight.grad = gaussian(*weight.shape, seed=10 * seed + place)
            take_step(muon, 0.1, torch.zeros(()))

    straight, muon = make()
    steps(straight, muon, range(1, 3))
    state = {name: value.clone() for name, value in muon.state().items()}
    resumed, other = make()
    for target, source in zip(resumed, straight, strict=True):
        target.data.copy_(source.data)
    other.load_state(state)
    steps(straight, muon, range(3, 5))
    steps(resumed, other, range(3, 5))
    assert all(torch.equal(a, b) for a, b in zip(straight, resumed, strict=True))
    with pytest.raises(KeyError):
        other.load_state({"a": state["a"]})


def test_first_and_last_layers_embeddings_and_vectors_are_not_its() -> None:
    matrix, vector = nn.Parameter(gaussian(4, 4)), nn.Parameter(gaussian(4))
    assert is_hidden_matrix("down.0.0.block.conv1.weight", matrix)
    assert is_hidden_matrix("middle.block.condition.weight", matrix)
    assert not is_hidden_matrix("down.0.0.block.conv1.bias", vector)
    for name in ("stem.weight", "out.weight", "time.hidden.weight", "label.out.weight"):
        assert not is_hidden_matrix(name, matrix)
