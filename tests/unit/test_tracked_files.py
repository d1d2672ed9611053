"""What the repository holds is the product: no registry addresses, no paths of somebody's machine, no build output."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\0")[:-1]
# Split in two, so that this file does not name them itself.
REGISTRIES = re.compile(
    "|".join(
        (
            r"pypi" r"\.org", r"python" r"hosted\.org", r"npm" r"js\.(com|org)", r"maven" r"\.org",
            r"maven\.apache" r"\.org", r"ana" r"conda\.(com|org)", r"crates" r"\.io",
        )
    )
)  # fmt: skip
MACHINE_PATHS = re.compile(r"(?<![\w.}~-])/(work|root|home|Users|tmp)/(?!\.)\w")


def text_of(name):
    data = (ROOT / name).read_bytes()
    return "" if b"\0" in data[:8000] else data.decode()


def test_no_file_names_a_registry_or_a_machine():
    """Packages come through the ordinary clients as they are set up; paths are relative or given by settings."""
    found = [
        f"{name}: {match.group()}"
        for name in TRACKED
        if (ROOT / name).is_file()  # not one that is deleted and not committed yet
        for rule in (REGISTRIES, MACHINE_PATHS)
        for match in rule.finditer(text_of(name))
    ]
    assert not found


def test_nothing_is_tracked_that_a_build_makes():
    """Environments, caches, broker data and reports stay out."""
    made = re.compile(r"(^|/)(\.venv|__pycache__|\.cw|\.m2|dist|build|node_modules|\.pytest_cache)/|\.(pyc|onnx|jar)$")
    assert not [name for name in TRACKED if made.search(name)]
