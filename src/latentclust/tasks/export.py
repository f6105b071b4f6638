"""Write a trained model for other programs."""

import torch

from latentclust.errors import LatentclustError
from latentclust.runs.exporting import (
    Deployed,
    differences,
    export,
    keep_facts,
    opened,
    plausible,
    require_exporter,
)
from latentclust.runs.rebuilding import whole_model
from latentclust.runs.run import Run, tell
from latentclust.settings import Settings
from latentclust.tasks.evaluate import begin, require_trained

CHECKED = 1000
# What rounding in another order may change in float32; a code has numbers of about 10.
LARGEST = 1e-2
MEASURED = {"code": "the codes", "gamma": "the probabilities", "bound": "the bounds (of their size)"}


def export_model(settings: Settings, run: Run) -> None:
    """Write ``model.onnx`` or ``model.pt2`` and ``export.json``: raw inputs in, what is said of each out.

    That is its cluster, gamma and code, how well the model explains it (unless ``output.bound`` is false),
    and whether it is like nothing seen. The file is opened again and compared with the model on 1,000
    random inputs.

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
    deployed = Deployed(model, judged=settings.output.bound).eval()
    with run.timed("export"):
        path = export(deployed, inputs[:2], run.folder, kind)
        found = differences(deployed, opened(path, kind), inputs)
    facts = keep_facts(path, kind, deployed, inputs, found)
    far = {name: found[name] for name in MEASURED if name in found}
    apart = ", ".join(f"{far[name]:.1g} in {what}" for name, what in MEASURED.items() if name in far)
    # Written so that NaN is too much.
    if not all(value <= LARGEST for value in far.values()):
        raise LatentclustError(
            f"'{path}' differs from PyTorch by {apart}: do not use it; try the other format"
        )
    *others, last = deployed.outputs
    tell(
        f"{path}: raw inputs in; {', '.join(others)} and {last} out. On {CHECKED:,} random inputs it "
        f"differs from PyTorch by at most {apart}; {found['cluster']:.0f} clusters differ. See {facts}"
    )
