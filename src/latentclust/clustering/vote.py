"""Let neighbors vote on a partition that a network has learned, instead of parting the codes anew."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentclust.clustering.base import Initialization, as_codes, from_partition
from latentclust.clustering.neighbors import Neighbors


def fit_vote(
    z: Tensor | NDArray[np.floating],
    n_clusters: int,
    clusters: Tensor | NDArray[np.integer],
    senses: Sequence[Neighbors],
    *,
    voters: int = 5,
    reg_covar: float = 1e-6,
) -> Initialization:
    """Give each code the cluster that most of its neighbors have, and measure the parts as codes.

    Neighbors that are near in different senses make different mistakes. An image votes as often as there
    are senses for itself, and keeps its cluster in a tie.

    Parameters
    ----------
    z
        Codes ``(N, D)``.
    n_clusters
        Components K, at most N.
    clusters
        ``(N,)``, 0..K-1: what is voted on.
    senses
        Neighbors of each code, itself the first or not among them, the nearest first.
    voters
        Neighbors that vote in each sense; where there are fewer, all do.
    reg_covar
        Added to every variance.

    Returns
    -------
    Initialization
        Its ``objective`` is the share of codes that keep their cluster.

    Raises
    ------
    LatentclustError
        If there are fewer codes than clusters or a code is not finite.
    """
    codes = as_codes(z, n_clusters)
    own: NDArray[np.integer] = torch.as_tensor(clusters).cpu().numpy()
    everyone = np.arange(len(codes))
    # Half a vote more for what an image is: it decides ties and nothing else.
    votes = np.zeros((len(codes), n_clusters))
    votes[everyone, own] = len(senses) + 0.5
    for neighbors in senses:
        others = neighbors.indices != everyone[:, None]
        voting = others & (np.cumsum(others, axis=1) <= voters)
        image, place = np.nonzero(voting)
        np.add.at(votes, (image, own[neighbors.indices[image, place]]), 1)
    voted = votes.argmax(axis=1)
    kept = float((voted == own).mean())
    return from_partition(codes, voted, n_clusters, reg_covar=reg_covar, objective=kept, converged=True)
