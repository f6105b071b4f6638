"""Figures: arrays in, matplotlib figures out. No model, no trainer, no global state."""

from latentclust.figures.confusion import confusion_matrix
from latentclust.figures.curves import training_curves
from latentclust.figures.distances import distance_histogram
from latentclust.figures.generation import image_grid, reconstructions
from latentclust.figures.latent import latent_scatter
from latentclust.figures.partition import frame, partition_scatter
from latentclust.figures.projection import Plane, pca_plane, project
from latentclust.figures.report import render_report
from latentclust.figures.style import save

__all__ = [
    "Plane",
    "confusion_matrix",
    "distance_histogram",
    "frame",
    "image_grid",
    "latent_scatter",
    "partition_scatter",
    "pca_plane",
    "project",
    "reconstructions",
    "render_report",
    "save",
    "training_curves",
]
