"""Show how the number of clusters was chosen."""

from pathlib import Path

from matplotlib.figure import Figure

from latentclust import figures
from latentclust.clustering.choose import Choice
from latentclust.gallery.show import add_figure

CAPTION, FILE = "The number of clusters", "n_clusters.png"


def draw_choice(choice: Choice, title: str) -> Figure:
    """Draw the criterion's value for each K."""
    return figures.number_of_clusters(
        choice.curve,
        choice.n_clusters,
        title=f"{title}: {choice.n_clusters} clusters, chosen without labels",
        ylabel=choice.measured,
        threshold=choice.threshold,
    )


def show_choice(folder: Path, choice: Choice, title: str) -> None:
    """Write ``figures/n_clusters.png`` into a run's folder, after the other figures of its report."""
    path = figures.save(draw_choice(choice, title), folder / "figures" / FILE)
    add_figure(folder, CAPTION, path.name)
