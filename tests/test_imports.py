"""The package imports wherever Python runs."""

import os
import subprocess
import sys

import pytest

# Without the modules that Windows lacks, import every module and say how many there were.
SCRIPT = """
import importlib, pkgutil, sys
import psutil  # has another implementation on Windows, which needs none of these
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
import latentclust
names = [module.name for module in pkgutil.walk_packages(latentclust.__path__, "latentclust.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


@pytest.mark.long
def test_every_module_imports_without_those_that_only_unix_has() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")],
)
def test_threads_spin_shortly_unless_told_otherwise(given: dict[str, str], spins: str) -> None:
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    plain = {name: value for name, value in os.environ.items() if name not in names}
    script = "import latentclust, os, sys; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=plain | given)
    assert done.stdout.split() == [spins, "False"], done.stderr
