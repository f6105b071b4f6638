"""How fast task=predict is, against the bare encoder: ``python benchmarks/predicting.py [ROWS] [--deep]``.

An untrained model of the default's sizes describes random digits, as ``task=predict input=x.npy`` does: read
in parts, encoded, given to clusters, judged by the decoder, written to assignments.csv. It is compared with
the bare encoder, which has the same images in memory and gives codes alone, and with the bare networks that
it uses: what says how usual an input is takes the decoder too. With ``--unjudged``, as with
``output.bound=false``.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch

from latentclust.data.incoming import open_inputs
from latentclust.models import VaDE
from latentclust.runs.assignments import write_assignments
from latentclust.runs.describing import rows_of_new
from latentclust.settings.output import Output
from latentclust.training.inference import described, in_chunks

CONV = {"channels": [32, 64], "widths": [256, 1000]}
DEEP = {"widths": [500, 500, 2000]}


def main(n: int, network: dict[str, list[int]], judged: bool) -> None:
    """Print the rates and their shares, three times."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = VaDE((1, 28, 28), latent_dim=10, n_clusters=10, **network).to(device).eval()
    model.pool_bounds.set_pool(torch.linspace(-500, 0, 1000))
    images = np.random.default_rng(0).integers(0, 256, (n, 1, 28, 28), dtype=np.uint8)
    with TemporaryDirectory() as folder:
        path = Path(folder, "images.npy")
        np.save(path, images)
        held = torch.from_numpy(images).to(device)
        for _ in range(3):
            start = perf_counter()
            in_chunks(model.encode, held).cpu()
            bare = n / (perf_counter() - start)
            start = perf_counter()
            described(model, held) if judged else in_chunks(model.predict_proba, held).cpu()
            same = n / (perf_counter() - start)
            start = perf_counter()
            incoming = open_inputs(path, model.takes)
            rows = rows_of_new(incoming, model, judged=judged)
            write_assignments(Path(folder), Output(), rows)
            whole = n / (perf_counter() - start)
            print(
                f"{device}, {network}: encoder {bare:,.0f}/s, the networks it takes {same:,.0f}/s, predict "
                f"{whole:,.0f}/s: {whole / bare:.0%} of the encoder, {whole / same:.0%} of the networks"
            )


if __name__ == "__main__":
    numbers = [argument for argument in sys.argv[1:] if argument.isdecimal()]
    main(
        int(numbers[0]) if numbers else 20_000,
        DEEP if "--deep" in sys.argv else CONV,
        "--unjudged" not in sys.argv,
    )
