"""Where work that a person waits for is queued."""

import contextlib

import pytest
import torch

from engine.workspace import Workspace


def test_a_cpu_has_one_lane() -> None:
    workspace = Workspace("cpu", threads=1)
    for interactive in (True, False):
        assert isinstance(workspace.lane(interactive), contextlib.nullcontext)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="streams are a GPU's")
def test_on_a_gpu_what_is_waited_for_has_a_stream_of_high_priority() -> None:
    workspace = Workspace("cuda")
    usual = torch.cuda.current_stream()
    with workspace.lane(interactive=False):
        assert torch.cuda.current_stream() == usual
    with workspace.lane(interactive=True):
        assert torch.cuda.current_stream() != usual
        assert torch.cuda.current_stream().priority < usual.priority
    assert torch.cuda.current_stream() == usual
