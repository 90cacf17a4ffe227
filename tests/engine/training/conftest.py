import pytest

from engine.workspace import Workspace


@pytest.fixture(scope="session")
def workspace() -> Workspace:
    return Workspace("cpu", threads=1)
