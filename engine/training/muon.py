"""Muon: the matrices inside the network move along their momentum, made orthogonal.

A gradient of a matrix is dominated by a few directions. Its momentum M = U S V^T is replaced by about U V^T, so
that every direction it has moves equally far (Jordan et al. 2024, "Muon: an optimizer for hidden layers in
neural networks"). A convolution counts as the matrix (out, in x height x width). torch's own Muon takes plain
matrices only and works in bfloat16, which a CPU without AVX512_BF16 computes a hundred times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

# Five steps of x -> a x + b x^3 + c x^5 bring singular values between about 0.01 and 1 to 0.7..1.2: near enough,
# and the slope at zero is as steep as it can be.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95


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


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon moves it: convolutions and linear layers inside the network, not its first and last layer,
    nor the embeddings of time and class, whose inputs are not features."""
    return parameter.dim() >= 2 and name.split(".")[0] not in ("stem", "out", "time", "label")


class Muon:
    """Steps for a fixed list of matrices; gradients are read from `grad`.

    The matrices of one shape are worked on together. `momentum` has one tensor (n, rows, columns) a shape;
    `state` and `load_state` give and take it by parameter name.
    """

    def __init__(self, named: Sequence[tuple[str, nn.Parameter]]) -> None:
        self._shapes: dict[tuple[int, int], list[tuple[str, nn.Parameter]]] = {}
        for name, parameter in named:
            rows = parameter.shape[0]
            self._shapes.setdefault((rows, parameter.numel() // rows), []).append((name, parameter))
        self.momentum = {shape: torch.zeros(len(group), *shape, device=group[0][1].device)
                         for shape, group in self._shapes.items()}
        self._order = sorted(self._shapes, key=lambda shape: -len(self._shapes[shape]) * min(shape) ** 2 * max(shape))

    def step(self, rate: float | Tensor, bad: Tensor) -> None:
        """Move each matrix by `rate` times sqrt(max(1, rows / columns)) times its direction.

        bad: a tensor (); where it is 1 neither weights nor momentum change, and the device is not waited for.
        """
        for task in self.tasks(rate, bad):
            task()

    def tasks(self, rate: float | Tensor, bad: Tensor) -> list[Callable[[], None]]:
        """The parts of `step`, independent of each other, the longest first."""
        return [partial(self._move, shape, rate, bad) for shape in self._order]

    @torch.no_grad()
    def _move(self, shape: tuple[int, int], rate: float | Tensor, bad: Tensor) -> None:
        group, momentum = self._shapes[shape], self.momentum[shape]
        gradient = torch.stack([_matrix(p.grad) for _, p in group])  # type: ignore[arg-type]
        gradient = torch.where(bad > 0, 0.0, gradient)
        momentum.lerp_(gradient, (1 - MOMENTUM) * (1 - bad))
        direction = orthogonalised(gradient.lerp(momentum, MOMENTUM))
        rows, columns = shape
        moved = direction * (-rate * max(1.0, rows / columns) ** 0.5 * (1 - bad))
        for (_, parameter), by in zip(group, moved, strict=True):
            parameter.add_(_like(by, parameter))

    def state(self) -> dict[str, Tensor]:
        """Momentum by parameter name, each (rows, columns)."""
        return {name: self.momentum[shape][place] for shape, group in self._shapes.items()
                for place, (name, _) in enumerate(group)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave. Raises KeyError for a parameter that is not in it."""
        for shape, group in self._shapes.items():
            for place, (name, _) in enumerate(group):
                self.momentum[shape][place].copy_(state[name])


def _matrix(values: Tensor) -> Tensor:
    # The order of channels-last memory, so that there it is a view.
    return values.permute(0, 2, 3, 1).flatten(1) if values.dim() == 4 else values.flatten(1)


def _like(matrix: Tensor, parameter: Tensor) -> Tensor:
    if parameter.dim() != 4:
        return matrix.view(parameter.shape)
    rows, channels, height, width = parameter.shape
    return matrix.view(rows, height, width, channels).permute(0, 3, 1, 2)
