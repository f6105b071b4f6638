"""Write a trained model for other programs."""

import torch

from latentclust.errors import LatentclustError
from latentclust.runs.exporting import differences, export, keep_facts, opened, plausible, require_exporter
from latentclust.runs.rebuilding import whole_model
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings
from latentclust.tasks.evaluate import begin, require_trained

CHECKED = 1000
# What rounding in another order may change in float32; a code has numbers of about 10.
LARGEST = 1e-2


def export_model(settings: Settings, run: Run) -> None:
    """Write ``model.onnx`` or ``model.pt2`` and ``export.json``: raw inputs in; cluster, gamma and code out.

    The file is opened again and compared with the model on up to 1,000 random inputs.

    Raises
    ------
    LatentclustError
        If a package is missing, the checkpoint has no clusters yet, or the file says something else.
    """
    kind = settings.format
    assert kind is not None
    require_exporter(kind)
    begin(settings, run)
    model = whole_model(require_trained(settings.task.name, run)).eval()
    generator = torch.Generator().manual_seed(settings.seed)
    inputs = plausible(model.takes, CHECKED, generator)
    with run.timed("export"):
        path = export(model, inputs[:2], run.folder, kind)
        found = differences(model, opened(path, kind), inputs)
    facts = keep_facts(path, kind, model, inputs, found)
    if max(found["gamma"], found["code"]) > LARGEST:
        raise LatentclustError(
            f"'{path}' differs from PyTorch by {found['code']:.2g} in the codes and {found['gamma']:.2g} in "
            "the probabilities: do not use it; try the other format"
        )
    tell(
        f"{path}: raw inputs in; cluster, gamma and code out. On {CHECKED:,} inputs it differs from PyTorch "
        f"by at most {found['code']:.1g} in the codes and {found['gamma']:.1g} in the probabilities; "
        f"{found['cluster']} clusters differ. See {facts}"
    )
