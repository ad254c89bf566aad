"""What cannot be compiled is refused in one line; nothing is run uncompiled in its place."""

import pytest
import torch
from torch import nn

from cellweave.core import CompilationError
from cellweave.core.compilation import compilation_errors, compiled

CPU = torch.device("cpu")


class Undecided(nn.Module):
    """What it does depends on the values that it sees, which torch cannot compile as a whole."""

    def forward(self, x):
        return x + 1 if x.sum() > 0 else x - 1


class Halved(nn.Module):
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 2)


def test_a_network_that_cannot_be_compiled_whole_is_refused(compiled_graphs):
    network = compiled(Undecided(), CPU)
    refused = r"^torch cannot compile the network \(\w+: .*without compiling"
    with pytest.raises(CompilationError, match=refused) as caught, compilation_errors():
        network(torch.ones(3))
    assert "\n" not in str(caught.value)
    assert compiled_graphs == []


def test_an_error_of_the_backend_is_told_by_its_cause():
    def broken(graph, inputs):
        raise OSError("no room\nfor a program")

    torch.compiler.set_default_backend(broken)
    try:
        network = compiled(Halved(), CPU)
        with pytest.raises(CompilationError, match=r"\(OSError: no room\); see"), compilation_errors():
            network(torch.ones(1, 1, 4, 4))
    finally:
        torch.compiler.set_default_backend(None)


def test_two_sizes_are_compiled_and_no_third(compiled_graphs):
    network = compiled(Halved(), CPU)
    for side in (8, 12, 20, 32):
        with compilation_errors():
            assert network(torch.ones(2, 3, side, side)).shape == (2, 3, side // 2, side // 2)
    assert len(compiled_graphs) == 2


def test_networks_are_compiled_apart(compiled_graphs):
    """More of one kind than the compilations that torch allows to one network."""
    for number in range(10):
        layer = nn.Linear(3, number + 1)
        with compilation_errors():
            assert compiled(layer, CPU)(torch.ones(2, 3)).shape == (2, number + 1)
    assert len(compiled_graphs) == 10
