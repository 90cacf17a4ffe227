"""One step of the learner: how long its gradient may be, and whose batch it is."""

import pytest
import torch
from helpers import tiny

from engine.training.learner import Learner
from engine.training.probe import Layout
from engine.workspace import Workspace


def learner(workspace: Workspace, **settings: object) -> Learner:
    return Learner(tiny(**settings), workspace.data("mnist"), workspace.device, Layout("fp32", True))


@pytest.mark.parametrize("clip", [1e-3, 1e3])
def test_a_gradient_is_shortened_to_the_clip_and_not_touched_below_it(workspace, clip) -> None:
    it = learner(workspace, gradient_clip=clip)
    free = learner(workspace, gradient_clip=1e3)
    seen: dict[Learner, torch.Tensor] = {}

    def look(who: Learner):
        moved = who.optimizer.step

        def step() -> None:
            seen[who] = torch.cat([p.grad.flatten() for p in who._parameters])
            moved()

        return step

    for who in (it, free):
        who.optimizer.step = look(who)
        who.train_step(1e-3)
        who.close()
    norm = seen[free].norm()
    assert 1e-3 < norm < 1e3
    expected = seen[free] * min(1.0, clip / float(norm))
    torch.testing.assert_close(seen[it], expected, rtol=1e-3, atol=1e-9)


def test_a_step_takes_the_batch_of_its_images_seen_also_after_a_jump(workspace) -> None:
    it = learner(workspace)
    taken = []
    move = it._move
    it._move = lambda batch, rate: (taken.append(batch), move(batch, rate))[1]
    for images_seen in (0, it.batch_size, 2 * it.batch_size, 0, 5000):
        it.images_seen = images_seen
        it.train_step(1e-3)
        expected = it.batches(images_seen, it.batch_size)
        assert all(torch.equal(a, b) for a, b in zip(taken[-1], expected, strict=True))
    it.close()
