"""How Lightning writes our checkpoints."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from latentclust.atomic import whole_file
from latentclust.signals import shielded


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there.

    Lightning's own writes to ``$TMPDIR`` and moves from there. Where that is another file system a move is a
    copy, and a process that is killed in it leaves neither the old file nor the new one.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write it whole or not at all; a signal waits until it is written.

        Raises
        ------
        LatentclustError
            If the place cannot be written, or its disk is full.
        """
        # First to memory: torch.save itself does not survive a file that stops taking bytes.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with shielded(), whole_file(Path(path)) as file:
            file.write(content.getbuffer())
