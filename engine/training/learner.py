"""What learns: network, optimiser and averaged weights, one step at a time."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.build import build_denoiser, load_weights
from engine.config import RunConfig
from engine.diffusion.denoiser import Denoiser, Losses
from engine.errors import BadRun
from engine.events import LossPoints
from engine.training.batches import Batch, Batches
from engine.training.ema import PowerEma
from engine.training.graphed import Ahead, GraphedStep
from engine.training.muon import is_hidden_matrix, muon_for
from engine.training.probe import Layout
from engine.training.shards import Shards
from engine.workspace import DeviceData

Arrays = dict[str, NDArray[Any]]


class Learner:
    """Holds all that changes from step to step; `state` and `load_state` are exact."""

    def __init__(self, config: RunConfig, data: DeviceData, device: torch.device, layout: Layout) -> None:
        self.shape: tuple[int, int, int] = (data.images.shape[1], data.images.shape[2], data.images.shape[3])
        self.num_classes = len(data.class_names)
        self.batch_size = config.training.batch_size
        self.layout = layout
        self.step = 0
        self.images_seen = 0
        self._clip = config.training.gradient_clip
        denoiser = build_denoiser(config, shape=self.shape, num_classes=self.num_classes,
                                  sigma_data=data.sigma_data, precision=layout.dtype)
        self.denoiser = denoiser.to(device).to(memory_format=layout.memory_format).train()
        self.ema = PowerEma(self.denoiser.network, config.training.ema_power, config.training.ema_power_wide)
        self.average = Denoiser(self.ema.network, parameterisation=denoiser.parameterisation,
                                schedule=denoiser.schedule, sigma_data=denoiser.sigma_data,
                                precision=layout.dtype).to(device).eval()
        self.batches = Batches(data.images, data.labels, config.diffusion, denoiser.schedule, config.training.seed,
                               data.flips if config.data.mirror else ())
        self._parameters = list(self.denoiser.network.parameters())
        self.shards = Shards(self.denoiser, torch.get_num_threads() if device.type == "cpu" else 1)
        t = config.training
        named = dict(self.denoiser.network.named_parameters())
        hidden = {n: p for n, p in named.items() if t.optimiser == "muon" and is_hidden_matrix(n, p)}
        self.muon = muon_for(list(hidden.items()), device) if hidden else None
        self._muon_factor = t.muon_factor
        self._adamw = {n: p for n, p in named.items() if n not in hidden}
        on_gpu = device.type == "cuda"
        self.optimizer = torch.optim.AdamW(self._adamw.values(), lr=t.learning_rate, betas=(t.beta1, t.beta2),
                                           weight_decay=t.weight_decay, fused=True, capturable=on_gpu)
        self._bad = torch.zeros((), device=device)  # 1 from the first loss or gradient on that is not finite
        self._ready: tuple[int, Batch] | None = None
        self._ahead = Ahead(device)
        self.graphed = GraphedStep(self._move) if on_gpu else None

    def train_step(self, learning_rate: float) -> Losses:
        """One step at this learning rate; its losses, still on the device.

        A loss or gradient that is not finite masks the update on the device, now and in every later step,
        and the loss comes back as NaN: whoever fetches it finds the weights as they were before.
        """
        if self._ready is None or self._ready[0] != self.images_seen:
            self.shards.each([self._make_ready])
        assert self._ready is not None
        losses = (self.graphed or self._move)(self._ready[1], learning_rate)
        self.step += 1
        self.images_seen += self.batch_size
        self.shards.each([self._make_ready, *self.ema.tasks(self.step)])
        self._ahead.wait()
        return losses

    def _move(self, batch: Batch, learning_rate: float | Tensor) -> Losses:
        """Everything of a step that changes the weights: what a GPU records. A recorded rate is a tensor ()."""
        (loss, eps_mse), norm = self.shards.backward(batch)
        torch.maximum(self._bad, (~(loss + norm).isfinite()).float(), out=self._bad)
        self.shards.each([partial(torch.nn.utils.clip_grads_with_norm_, self._parameters, self._clip, norm, True)])
        self.optimizer.param_groups[0]["lr"] = learning_rate
        # The fused kernel leaves weights and moments alone where found_inf is 1: no wait for the device.
        self.optimizer.grad_scale = None  # type: ignore[attr-defined]
        self.optimizer.found_inf = self._bad  # type: ignore[attr-defined]
        hidden = self.muon.tasks(learning_rate * self._muon_factor, self._bad) if self.muon is not None else []
        self.shards.each([*hidden, self.optimizer.step])
        self.shards.drop_gradients()
        return Losses(torch.where(self._bad > 0, torch.nan, loss), eps_mse)

    def _make_ready(self) -> None:
        """The batch that comes next: it follows from images_seen alone."""
        batch = self.batches(self.images_seen, self.batch_size)
        x0 = batch.x0.contiguous(memory_format=self.layout.memory_format)
        self._ready = (self.images_seen, batch._replace(x0=x0))

    # ---- state ----

    def averaged_weights(self) -> Arrays:
        """The averaged weights by name, float32."""
        return {name: _array(value) for name, value in self.ema.network.state_dict().items()}

    def wide_weights(self) -> Arrays | None:
        """The second average by name, float32, with the buffers of the first; None where none is kept.

        Nor is there one at step 0, where nothing was averaged yet.
        """
        if not self.ema.wide or self.step == 0:
            return None
        return {name: _array(self.ema.wide.get(name, value)) for name, value in self.ema.network.state_dict().items()}

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """All tensors, and the counters, that a resume needs. Noise and order follow from images_seen."""
        tensors: Arrays = {f"model.{k}": _array(v) for k, v in self.denoiser.network.state_dict().items()}
        tensors |= {f"ema.{k}": v for k, v in self.averaged_weights().items()}
        tensors |= {f"ema-wide.{k}": _array(v) for k, v in self.ema.wide.items()}
        for name, parameter in self._adamw.items():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"adamw.{key}.{name}"] = _array(value)
        if self.muon is not None:
            tensors |= {f"muon.momentum.{name}": _array(value) for name, value in self.muon.state().items()}
        return tensors, {"step": self.step, "images_seen": self.images_seen}

    def load_state(self, tensors: Arrays, extra: dict[str, Any]) -> None:
        """Take up the state of `state`; BadRun when it belongs to another network."""
        model = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        load_weights(self.denoiser, model, "the saved state")
        average = {k.removeprefix("ema."): v for k, v in tensors.items() if k.startswith("ema.")}
        load_weights(self.average, average, "the saved state")
        self.step, self.images_seen = int(extra["step"]), int(extra["images_seen"])
        self._load_wide({k.removeprefix("ema-wide."): v for k, v in tensors.items() if k.startswith("ema-wide.")})
        if self.muon is not None:
            saved_momentum = {k.removeprefix("muon.momentum."): torch.from_numpy(np.array(v))
                              for k, v in tensors.items() if k.startswith("muon.momentum.")}
            try:
                self.muon.load_state(saved_momentum)
            except KeyError as error:
                raise BadRun(f"The saved state lacks the optimiser's momentum of {error.args[0]}.") from None
        for name, parameter in self._adamw.items():
            state = self.optimizer.state[parameter]
            for key in ("step", "exp_avg", "exp_avg_sq"):
                saved = tensors.get(f"adamw.{key}.{name}")
                if saved is None:
                    if self.step == 0:
                        continue
                    raise BadRun(f"The saved state lacks the optimiser's {key} of {name}.")
                value = torch.from_numpy(np.array(saved)).to(parameter.device)
                state[key] = value.contiguous(memory_format=self.layout.memory_format) if value.dim() == 4 else value

    def _load_wide(self, saved: Arrays) -> None:
        """The second average. A run begun before there was one, or without it, goes on without it."""
        if not saved:
            self.ema.drop_wide()
            return
        if saved.keys() != self.ema.wide.keys():
            raise BadRun("The saved state's second average does not fit the network its settings describe.")
        for name, value in self.ema.wide.items():
            value.copy_(torch.from_numpy(np.ascontiguousarray(saved[name])))

    def close(self) -> None:
        """End the threads."""
        self.shards.close()

    def free(self) -> None:
        """Let go of the large tensors, after out of memory."""
        self.shards.drop_gradients()
        self._ready = None
        if self.graphed is not None:
            self.graphed.forget()
        self.optimizer.state.clear()


def _array(value: Tensor) -> NDArray[Any]:
    return value.detach().to("cpu", copy=True).contiguous().numpy()


class LossLog:
    """Losses that are still on the device, fetched together; and the pace of training."""

    def __init__(self, device: torch.device) -> None:
        self.began = 0.0
        self._pending: list[Losses] = []
        self._steps: list[int] = []
        self._seconds: list[float] = []
        self._recent: list[tuple[float, int]] = []

    def add(self, step: int, losses: Losses, seconds: float) -> None:
        """Remember the losses of a step."""
        self._pending.append(losses)
        self._steps.append(step)
        self._seconds.append(seconds)

    def fetch(self) -> LossPoints | None:
        """Everything since the last fetch, in one transfer; None when there is nothing."""
        if not self._pending:
            return None
        flat = torch.stack([value for losses in self._pending for value in losses])
        losses, eps_mse = flat.float().cpu().view(-1, 2).numpy().T.copy()
        points = LossPoints(np.array(self._steps, dtype=np.int64), losses,
                            np.array(self._seconds, dtype=np.float32), eps_mse)
        self._recent.append((self._seconds[-1], len(self._steps)))
        self._pending, self._steps, self._seconds = [], [], []
        return points

    @staticmethod
    def first_bad(points: LossPoints) -> int | None:
        """Index of the first loss that is not finite."""
        bad = np.flatnonzero(~np.isfinite(points.losses))
        return int(bad[0]) if len(bad) else None

    def restart_rate(self, seconds: float) -> None:
        """Begin to measure the pace anew, after a pause."""
        self.began = seconds
        self._recent = [(seconds, 0)]

    def images_per_second(self, batch_size: int, seconds: float, window: float = 5.0) -> float:
        """Images a second over the last few seconds of training; 0 before there is anything."""
        while len(self._recent) > 2 and self._recent[1][0] < seconds - window:
            self._recent.pop(0)
        if len(self._recent) < 2:
            return 0.0
        first, last = self._recent[0][0], self._recent[-1][0]
        steps = sum(n for _, n in self._recent[1:])
        return steps * batch_size / (last - first) if last > first else 0.0
