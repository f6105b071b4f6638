"""What several runs need alike is computed by one of them."""

import subprocess
import sys
from pathlib import Path

from latentclust.runs.cache import one_at_a_time

# Says that it is there, waits until all are, and then looks for the result as a run does.
ONE_OF_TWO = """
import sys, time
from pathlib import Path
from latentclust.runs.cache import one_at_a_time
folder, name = Path(sys.argv[1]), sys.argv[2]
(folder / f"ready-{name}").touch()
while len(list(folder.glob("ready-*"))) < 2:
    time.sleep(0.005)
with one_at_a_time(folder / "cache/result.txt"):
    if not (folder / "cache/result.txt").is_file():
        time.sleep(0.2)  # the work
        with (folder / "computed").open("a") as file:
            file.write(name)
        (folder / "cache/result.txt").write_text(name)
print((folder / "cache/result.txt").read_text())
"""
DIES = """
import os, sys
from pathlib import Path
from latentclust.runs.cache import one_at_a_time
with one_at_a_time(Path(sys.argv[1]) / "cache/result.txt"):
    os.kill(os.getpid(), 9)
"""


def test_two_processes_compute_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ONE_OF_TWO, str(tmp_path)]
    both = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in "ab"]
    found = [process.communicate(timeout=60)[0].strip() for process in both]
    computed = (tmp_path / "computed").read_text()
    assert computed in {"a", "b"}
    assert found == [computed, computed]


def test_a_process_that_dies_gives_its_lock_back(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], timeout=60)
    assert died.returncode != 0
    with one_at_a_time(tmp_path / "cache/result.txt"):
        assert (tmp_path / "cache/locks/result.txt.lock").exists()
