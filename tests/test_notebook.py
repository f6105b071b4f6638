"""The notebooks run from their first cells to their last."""

from ast import literal_eval
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import REPOSITORY, Command


@pytest.mark.long
def test_the_tour_runs_on_a_trained_model(trained: Command, tmp_path: Path) -> None:
    trained("experiment=tiny_vade")
    notebook = nbformat.read(REPOSITORY / "notebooks" / "tour.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # they would go stale
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 3
    assert any("acc=" in output["data"].get("text/plain", "") for output in outputs if "data" in output)


@pytest.mark.long
def test_a_table_of_ones_own_is_clustered(tmp_path: Path) -> None:
    notebook = nbformat.read(REPOSITORY / "notebooks" / "own_data.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    texts = {
        cell.id: output["data"].get("text/plain", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    }
    assert float(texts["ari"]) > 0.7
    assert texts["save"] == "True"
    usual, strange = literal_eval(texts["unlike"])
    assert usual > strange
