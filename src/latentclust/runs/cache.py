"""What is computed once per setting and kept in ``<output_dir>/cache``."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def place(output_dir: Path, name: str, suffix: str, depends_on: dict[str, Any]) -> Path:
    """Return where a result is kept: the file's name digests everything that the result depends on."""
    digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
    return output_dir / "cache" / f"{name}-{digest[:20]}.{suffix}"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a name to write to; the file takes its place at the end, for another run may write it too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}{path.suffix}")
    yield unfinished
    unfinished.replace(path)
