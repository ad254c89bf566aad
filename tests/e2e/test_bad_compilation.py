"""Without a C++ compiler, compiling on a CPU is refused in one line that says what to do."""

import pytest

from cellweave.cli.main import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),
]


@pytest.fixture
def no_compiler(tmp_path, monkeypatch):
    from torch._inductor.cpp_builder import cpp_compiler_search

    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    cpp_compiler_search.cache_clear()  # torch keeps what it found
    yield
    cpp_compiler_search.cache_clear()


def refusal(words, capsys):
    capsys.readouterr()
    assert main(words) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_painting(generators, tmp_path, no_compiler, capsys):
    data, model = str(generators / "set"), str(generators / "img")
    words = ["images", "--layouts", data, "--model", model]
    for command in (words, ["dataset", "--layouts", str(generators / "lay"), "--images", model, "--count", "2"]):
        line = refusal(["generate", *command, "--device", "cpu", "--compile", "--out", str(tmp_path / "out")], capsys)
        assert "finds none; install g++" in line
        assert "no --compile" in line
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["layouts", "images"])
def test_training(generators, tiny_recipes, tmp_path, no_compiler, capsys, kind):
    words = ["train", kind, "--data", str(generators / "set"), "--device", "cpu", "--steps", "2", *tiny_recipes[kind]]
    out = tmp_path / "model"
    assert "fit.compile=false" in refusal([*words, "--set", "fit.compile=true", "--out", str(out)], capsys)
    assert not (out / "config.json").exists()
    assert main([*words, "--out", str(out)]) == 0  # the same run goes on without
    assert (out / "config.json").is_file()
