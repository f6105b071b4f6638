"""What is computed once per setting and kept in ``<output_dir>/cache``."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any


def place(output_dir: Path, name: str, suffix: str, depends_on: dict[str, Any]) -> Path:
    """Return where a result is kept: the file's name digests everything that the result depends on."""
    digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
    return output_dir / "cache" / f"{name}-{digest[:20]}.{suffix}"


def code_of(modules: Iterable[ModuleType]) -> list[str]:
    """Return the text of modules: what other code has computed is not this code's result."""
    return [Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules]
