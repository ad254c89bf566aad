"""Devices by name, and where bfloat16 pays."""

import re
from pathlib import Path

import pytest
import torch

from cellweave.core import InvalidInputError, bf16_is_fast, choose_device, device_description


@pytest.fixture
def machine(monkeypatch):
    """Return a function that pretends the machine has some GPUs, an Apple GPU, or neither."""

    def pretend(*, gpus=0, mps=False, built=True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.version, "cuda", "12.9" if built else None)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("gpus", "mps", "expected"), [(2, True, "cuda"), (1, False, "cuda"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_takes_the_fastest(machine, gpus, mps, expected):
    machine(gpus=gpus, mps=mps)
    assert choose_device() == choose_device(None) == torch.device(expected)


def test_named_devices(machine):
    machine(gpus=2, mps=True)
    for name in ("cpu", "cuda", "cuda:1", "mps"):
        assert choose_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "mps:0", "meta"])
def test_unknown_names(machine, name):
    machine(gpus=1)
    with pytest.raises(InvalidInputError, match=re.escape(f"auto, cpu, cuda, cuda:N or mps, got {name!r}.")):
        choose_device(name)


def test_unavailable_devices(machine):
    machine()
    with pytest.raises(InvalidInputError, match="device 'cuda' cannot be used: no GPU answers; use auto or cpu"):
        choose_device("cuda")
    with pytest.raises(InvalidInputError, match="device 'mps' cannot be used: this machine has none"):
        choose_device("mps")
    machine(built=False)
    with pytest.raises(InvalidInputError, match="torch is built without CUDA"):
        choose_device("cuda:0")


def test_gpu_number_out_of_range(machine):
    machine(gpus=2)
    with pytest.raises(InvalidInputError, match="'cuda:2' cannot be used: there are 2 GPUs, numbered from 0"):
        choose_device("cuda:2")


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True, "avx512_bf16": False}, False)],
)
def test_bf16_on_a_cpu_needs_its_instructions(monkeypatch, capabilities, fast):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert bf16_is_fast(torch.device("cpu")) is fast


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="only Linux lists processor flags in /proc/cpuinfo")
def test_bf16_agrees_with_the_kernel():
    flags = set(re.findall(r"\w+", Path("/proc/cpuinfo").read_text()))
    assert bf16_is_fast(torch.device("cpu")) == bool(flags & {"avx512_bf16", "amx_bf16"})


@pytest.mark.parametrize(("capability", "fast"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_bf16_on_cuda_needs_ampere(monkeypatch, capability, fast):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert bf16_is_fast(torch.device("cuda")) is fast


def test_bf16_elsewhere_is_not_counted_on():
    assert bf16_is_fast(torch.device("mps")) is False


def test_description_names_the_hardware(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    assert device_description(torch.device("cuda")) == "NVIDIA H200"
    assert device_description(torch.device("cpu"))
