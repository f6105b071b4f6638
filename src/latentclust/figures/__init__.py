"""Figures: arrays in, matplotlib figures out. No model, no trainer, no global state."""

from latentclust.figures.confidence import Calibration, calibration, reliability
from latentclust.figures.confusion import confusion_matrix
from latentclust.figures.curves import training_curves
from latentclust.figures.distances import distance_histogram
from latentclust.figures.explorer import Explorer, explorer
from latentclust.figures.generation import galleries, image_grid, interpolation, prototypes, reconstructions
from latentclust.figures.latent import confidence_scatter, latent_scatter
from latentclust.figures.number import number_of_clusters
from latentclust.figures.numerals import numeral_scatter
from latentclust.figures.partition import frame, partition_scatter
from latentclust.figures.plane import between, plane_codes, plane_grid, plane_ranges
from latentclust.figures.profiles import profile_map, standardized_means
from latentclust.figures.projection import Plane, pca_plane, project
from latentclust.figures.report import render_report
from latentclust.figures.seeds import seed_dots
from latentclust.figures.space import latent_scatter_3d
from latentclust.figures.style import save
from latentclust.figures.tree import merge_tree

__all__ = [
    "Calibration",
    "Explorer",
    "Plane",
    "between",
    "calibration",
    "confidence_scatter",
    "confusion_matrix",
    "distance_histogram",
    "explorer",
    "frame",
    "galleries",
    "image_grid",
    "interpolation",
    "latent_scatter",
    "latent_scatter_3d",
    "merge_tree",
    "number_of_clusters",
    "numeral_scatter",
    "partition_scatter",
    "pca_plane",
    "plane_codes",
    "plane_grid",
    "plane_ranges",
    "profile_map",
    "project",
    "prototypes",
    "reconstructions",
    "reliability",
    "render_report",
    "save",
    "seed_dots",
    "standardized_means",
    "training_curves",
]
