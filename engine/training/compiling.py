"""The network compiled by torch.compile, where a run asks for it (`training.compiled`).

Compilation takes tens of seconds, so that it must run for minutes before it has paid for itself; docs/benchmarks.md
says what was measured. Parameters and their names stay what they were: saved states fit either way.
"""

from __future__ import annotations

import torch

from engine.training.learner import Learner


def compile_network(learner: Learner, backend: str = "inductor") -> str:
    """Compile the learner's network and try it on the batch to come; empty, or why it trains uncompiled after all.

    Call before the first step: only loss and gradient are computed, nothing changes. backend: torch.compile's.
    """
    network = learner.denoiser.network
    try:
        network.compile(backend=backend, dynamic=False)
        learner.shards.in_turn(learner.batches(learner.images_seen, learner.batch_size))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # no C++ compiler, an operation it does not know, a kernel that does not build
        network._compiled_call_impl = None  # as before `compile`
        cause = getattr(error, "inner_exception", error)  # torch wraps what the backend says
        return f"{type(cause).__name__}: {cause}".splitlines()[0]
    return ""
