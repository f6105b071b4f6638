"""Hydra's own sweeper, but that it launches no job twice. Hydra finds sweepers in this package alone."""

from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override


class LatentclustSweeper(BasicSweeper):
    """Launches the jobs of a sweep that are not finished, each in the folder that it had before."""

    # Hydra's is a static method, and knows no folder.
    def split_arguments(  # type: ignore[override]
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """Return the overrides of the jobs to launch, in batches."""
        from latentclust.runs.launching import to_launch

        assert self.config is not None
        sweep: Any = self.config.sweep
        batches = [] if sweep.resume else BasicSweeper.split_arguments(overrides, None)
        asked = [job for batch in batches for job in batch]
        given = [str(override.input_line) for override in overrides]
        jobs = to_launch(Path(self.config.hydra.sweep.dir), asked, given)
        return [list(batch) for batch in self.split_overrides_to_chunks(jobs, max_batch_size)] if jobs else []
