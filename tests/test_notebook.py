"""The notebook runs from its first cell to its last."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.conftest import REPOSITORY, Command


def test_the_tour_runs_on_a_trained_model(trained: Command, tmp_path: Path) -> None:
    trained("experiment=tiny_vade")
    notebook = nbformat.read(REPOSITORY / "notebooks" / "tour.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # they would go stale
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 3
    assert any("acc=" in output["data"].get("text/plain", "") for output in outputs if "data" in output)
