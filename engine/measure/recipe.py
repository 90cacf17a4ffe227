"""How a classifier is trained where sets of pictures are compared. Free of torch, for keys and for the window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """AdamW under one rise and fall of the learning rate, each picture moved by up to two pixels.

    num_steps is the same whatever the number of pictures, so that more pictures do not mean more training.
    """

    num_steps: int = 400
    batch_size: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2


QUICK = Recipe()  # of sets that are compared over seeds
THOROUGH = Recipe(num_steps=2000, batch_size=128)  # of the classification accuracy score
