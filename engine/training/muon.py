"""Muon: the matrices inside the network move along their momentum, made orthogonal.

A gradient of a matrix is dominated by a few directions. Its momentum M = U S V^T is replaced by about U V^T, so
that every direction it has moves equally far (Jordan et al. 2024, "Muon: an optimizer for hidden layers in
neural networks"). A convolution counts as the matrix (out, height x width x in). torch's own Muon takes plain
matrices only and works in bfloat16, which a CPU without AVX512_BF16 computes a hundred times slower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

# Five steps of x -> a x + b x^3 + c x^5 bring singular values between about 0.01 and 1 to 0.7..1.2: near enough,
# and the slope at zero is as steep as it can be.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95

Named = Sequence[tuple[str, nn.Parameter]]


def orthogonalised(matrices: Tensor) -> Tensor:
    """(n, rows, columns) to matrices with the same singular vectors and singular values near 1.

    Newton-Schulz iteration with the coefficients of Jordan et al. 2024; a zero matrix stays zero.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def orthogonalising(grams: Tensor) -> Tensor:
    """From G = X X^T (n, rows, rows) the symmetric matrices Q for which Q X is `orthogonalised(X)`.

    The same iteration: a step is X <- P X with P = a + b G + c G^2, so Q is the product of the P, and G <- P G P.
    With rows much fewer than columns that is a fraction of the work. G has the squares of the singular values, so
    it wants float32: in TF32 or bfloat16 the small ones are lost and the iteration runs away.
    """
    a, b, c = COEFFICIENTS
    squared = grams.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None] + 1e-14  # |X|^2
    gram = grams / squared
    q: Tensor | None = None
    for left in reversed(range(ITERATIONS)):
        p = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        p.diagonal(dim1=-2, dim2=-1).add_(a)
        q = p if q is None else p @ q
        if left:
            gram = p @ gram @ p
    assert q is not None
    return q.mul_(squared.rsqrt())


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon moves it: convolutions and linear layers inside the network, not its first and last layer,
    nor the embeddings of time and class, whose inputs are not features."""
    return parameter.dim() >= 2 and name.split(".")[0] not in ("stem", "out", "time", "label")


def muon_for(named: Named, device: torch.device) -> Muon | GramMuon:
    """The form that is the quicker one there. Both take the same steps and each other's states."""
    return GramMuon(named) if device.type == "cpu" else Muon(named)


class Muon:
    """Steps for a fixed list of matrices; gradients are read from `grad`.

    The matrices of one shape are worked on together. `state` and `load_state` give and take the momentum by
    parameter name.
    """

    def __init__(self, named: Named) -> None:
        self._shapes: dict[tuple[int, int], list[tuple[str, nn.Parameter]]] = {}
        for name, parameter in named:
            rows = parameter.shape[0]
            self._shapes.setdefault((rows, parameter.numel() // rows), []).append((name, parameter))
        self._momentum = {shape: torch.zeros(len(group), *shape, device=group[0][1].device)
                          for shape, group in self._shapes.items()}
        self._order = sorted(self._shapes, key=lambda shape: -len(self._shapes[shape]) * min(shape) ** 2 * max(shape))

    def tasks(self, rate: float | Tensor, bad: Tensor) -> list[Callable[[], None]]:
        """The parts of a step, independent of each other, the longest first.

        A step moves each matrix by `rate` times sqrt(max(1, rows / columns)) times its direction.
        bad: a tensor (); where it is 1 neither weights nor momentum change, and the device is not waited for.
        """
        return [partial(self._move, shape, rate, bad) for shape in self._order]

    @torch.no_grad()
    def _move(self, shape: tuple[int, int], rate: float | Tensor, bad: Tensor) -> None:
        group, momentum = self._shapes[shape], self._momentum[shape]
        gradient = torch.stack([_matrix(p.grad) for _, p in group])  # type: ignore[arg-type]
        gradient = torch.where(bad > 0, 0.0, gradient)
        momentum.lerp_(gradient, (1 - MOMENTUM) * (1 - bad))
        direction = orthogonalised(gradient.lerp(momentum, MOMENTUM))
        moved = direction * (-rate * _reach(*shape) * (1 - bad))
        for (_, parameter), by in zip(group, moved, strict=True):
            parameter.add_(_like(by, parameter))

    def state(self) -> dict[str, Tensor]:
        """Momentum by parameter name, each (rows, columns)."""
        return {name: self._momentum[shape][place] for shape, group in self._shapes.items()
                for place, (name, _) in enumerate(group)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave. Raises KeyError for a parameter that is not in it."""
        for shape, group in self._shapes.items():
            for place, (name, _) in enumerate(group):
                self._momentum[shape][place].copy_(state[name])


class GramMuon:
    """The same steps for a CPU, by way of the Gram matrices: less to compute, nothing copied but the gradients.

    The matrices of one shorter side are worked on together. The weights are moved where they lie: their memory
    must stay the same.
    """

    def __init__(self, named: Named) -> None:
        groups: dict[int, dict[str, nn.Parameter]] = {}
        for name, parameter in named:
            rows = parameter.shape[0]
            groups.setdefault(min(rows, parameter.numel() // rows), {})[name] = parameter
        made = [_GramGroup(parameters, short) for short, parameters in groups.items()]
        self._groups = sorted(made, key=lambda group: -group.work)
        self._momentum = {name: momentum for group in made for name, momentum in group.momentum.items()}

    def tasks(self, rate: float | Tensor, bad: Tensor) -> list[Callable[[], None]]:
        """As of `Muon`."""
        return [] if bad else [partial(group.move, float(rate)) for group in self._groups]

    def state(self) -> dict[str, Tensor]:
        """As of `Muon`, columns in the same order."""
        return {name: _matrix(momentum) for name, momentum in self._momentum.items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """As of `Muon`."""
        for name, momentum in self._momentum.items():
            momentum.copy_(_like(state[name], momentum))


class _GramGroup:
    """Matrices with the same shorter side, in buffers that lie one after the other."""

    def __init__(self, named: dict[str, nn.Parameter], short: int) -> None:
        self._parameters = parameters = list(named.values())
        self._momentum = torch.zeros(sum(p.numel() for p in parameters))
        self._direction = torch.zeros_like(self._momentum)
        self._grams = torch.empty(len(parameters), short, short)
        self.momentum = dict(zip(named, _parts(self._momentum, parameters), strict=True))  # views
        self._directions = _parts(self._direction, parameters)
        self._weights = [_rows(p.detach()) for p in parameters]
        self._x = [_rows(direction) for direction in self._directions]
        self.work = 4 * short * len(self._momentum) + 34 * short ** 3 * len(parameters)  # operations

    @torch.no_grad()
    def move(self, rate: float) -> None:
        """One step."""
        gradients = [p.grad for p in self._parameters]
        torch._foreach_copy_(self._directions, gradients)  # type: ignore[arg-type]
        self._momentum.lerp_(self._direction, 1 - MOMENTUM)
        self._direction.lerp_(self._momentum, MOMENTUM)
        for x, gram in zip(self._x, self._grams, strict=True):
            torch.mm(*((x.mT, x) if _tall(x) else (x, x.mT)), out=gram)
        for x, weight, q in zip(self._x, self._weights, orthogonalising(self._grams), strict=True):
            weight.addmm_(*((x, q) if _tall(x) else (q, x)), alpha=-rate * _reach(*x.shape))


def _reach(rows: int, columns: int) -> float:
    return math.sqrt(max(1.0, rows / columns))


def _tall(matrix: Tensor) -> bool:
    return matrix.shape[0] > matrix.shape[1]


def _matrix(values: Tensor) -> Tensor:
    # The order of channels-last memory, so that there it is a view.
    return values.permute(0, 2, 3, 1).flatten(1) if values.dim() == 4 else values.flatten(1)


def _like(matrix: Tensor, parameter: Tensor) -> Tensor:
    if parameter.dim() != 4:
        return matrix.view(parameter.shape)
    rows, channels, height, width = parameter.shape
    return matrix.view(rows, height, width, channels).permute(0, 3, 1, 2)


def _rows(values: Tensor) -> Tensor:
    """A view (rows, columns) of contiguous or channels-last memory; the order of columns is that of memory, and
    no matter: the same for weights and directions."""
    ordered = values if values.is_contiguous() or values.dim() != 4 else values.permute(0, 2, 3, 1)
    return ordered.view(len(values), -1)


def _parts(flat: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """Views of a flat buffer with the shapes and strides of these parameters."""
    sizes = [p.numel() for p in parameters]
    return [part.as_strided(p.shape, p.stride(), part.storage_offset())
            for part, p in zip(torch.split(flat, sizes), parameters, strict=True)]
