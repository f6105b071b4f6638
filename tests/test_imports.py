"""The package imports wherever Python runs."""

import subprocess
import sys

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


def test_every_module_imports_without_those_that_only_unix_has() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80
