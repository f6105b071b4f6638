"""task=export: what other programs get, run by these."""

import csv
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from latentclust.data import build_datamodule
from latentclust.runs import exporting
from tests.conftest import Command, arrays_of, first_of

RUNS = {
    "vade": ["experiment=tiny_vade"],
    "conv": ["experiment=tiny_conv"],
    "vae": ["experiment=tiny_vae"],
    "ae": ["experiment=tiny_ae"],
    "dec": ["experiment=tiny_dec"],
}


def judged(folder: Path) -> dict[str, np.ndarray]:
    """Read the columns of task=predict that judge an input by its bound."""
    with (folder / "assignments.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (name,) = {"elbo_at_mean", "minus_error"} & set(rows[0])
    unlike = np.array([row["unlike"] == "true" for row in rows])
    return {"bound": np.array([float(row[name]) for row in rows]), "unlike": unlike}


def digits(n: int) -> np.ndarray:
    data = build_datamodule("digits", limit=400)
    data.setup()
    return data.pool.inputs[:n].numpy()


@pytest.mark.parametrize("model", first_of(*RUNS))
def test_onnxruntime_gives_what_predict_gives(
    trained: Command, latentclust: Command, tmp_path: Path, model: str
) -> None:
    trained(*RUNS[model])
    outcome = latentclust("task=export", "ckpt_path=last", "format=onnx")
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    path = outcome.folder / "model.onnx"
    assert [entry.version for entry in onnx.load(path).opset_import if not entry.domain] == [18]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1:] == [1, 8, 8]
    assert isinstance(session.get_inputs()[0].shape[0], str)
    raw = digits(300)
    predicted = latentclust("task=predict", "ckpt_path=last", "data.pool=all")
    assert predicted.folder is not None
    arrays, table = arrays_of(predicted.folder / "predictions.npz"), judged(predicted.folder)
    for n in (1, 2, 300):
        cluster, gamma, code, bound, unlike = session.run(None, {"x": raw[:n]})
        np.testing.assert_allclose(code, arrays["codes"][:n], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(gamma, arrays["responsibilities"][:n], rtol=1e-2, atol=1e-4)
        np.testing.assert_array_equal(cluster, arrays["clusters"][:n])
        np.testing.assert_allclose(bound, table["bound"][:n], rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(unlike, table["unlike"][:n])
    assert 1 <= table["unlike"].sum() <= 20
    facts = json.loads((outcome.folder / "export.json").read_text())
    assert facts["opset"] == 18
    assert facts["input"] == {"name": "x", "shape": ["batch", 1, 8, 8], "dtype": "uint8"}
    assert 0 <= facts["max_difference"]["code"] < 1e-3
    assert len(facts["bound"]["percentiles"]) == 101
    assert facts["outputs"] == ["cluster", "gamma", "code", "bound", "unlike"]
    assert facts["bound"]["name"] == ("elbo_at_mean" if model in ("vade", "conv", "vae") else "minus_error")
    assert 0 <= facts["max_difference"]["bound"] < 1e-4
    told = " ".join(outcome.out.split())
    assert "On 1,000 random inputs it differs from PyTorch by at most" in told
    assert "Skipping" not in told
    assert "Applied" not in told


@pytest.mark.long
def test_torch_alone_runs_the_other_format(trained: Command, latentclust: Command) -> None:
    trained("experiment=tiny_conv")
    outcome = latentclust("task=export", "ckpt_path=last", "format=torch_export")
    assert outcome.status == 0, outcome.err
    assert outcome.folder is not None
    module = torch.export.load(outcome.folder / "model.pt2").module()
    cluster, gamma, code, bound, unlike = module(torch.from_numpy(digits(30)))
    predicted = latentclust("task=predict", "ckpt_path=last")
    assert predicted.folder is not None
    arrays = arrays_of(predicted.folder / "predictions.npz")
    np.testing.assert_allclose(code.detach(), arrays["codes"][:30], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(gamma.detach(), arrays["responsibilities"][:30], rtol=1e-2, atol=1e-4)
    np.testing.assert_array_equal(cluster, arrays["clusters"][:30])
    table = judged(predicted.folder)
    np.testing.assert_allclose(bound.detach(), table["bound"][:30], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(unlike, table["unlike"][:30])
    small = latentclust("task=export", "ckpt_path=last", "format=torch_export", "output.bound=false")
    assert small.status == 0, small.err
    assert small.folder is not None
    assert json.loads((small.folder / "export.json").read_text())["outputs"] == ["cluster", "gamma", "code"]
    size, whole = ((run / "model.pt2").stat().st_size for run in (small.folder, outcome.folder))
    assert size < whole


def test_what_cannot_be_exported_is_said_in_one_line(
    trained: Command, latentclust: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, said in (
        (["task=export"], "needs a trained model: give ckpt_path=last"),
        (["task=export", "ckpt_path=last", "format=tflite"], "format is 'tflite': it must be one of onnx"),
        (["format=onnx"], "task=export has"),
    ):
        trained("experiment=tiny_vade")
        outcome = latentclust(*arguments)
        assert outcome.status == 2
        assert said in outcome.err
        assert len(outcome.err.strip().splitlines()) == 1
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "onnxscript" else name)
    outcome = latentclust("task=export", "ckpt_path=last")
    assert outcome.status == 2
    assert "format=onnx needs onnxscript: pip install 'latentclust[onnx]'" in outcome.err
