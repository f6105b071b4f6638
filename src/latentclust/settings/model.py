"""Settings of ``model``: what is trained, or which method partitions the inputs as they are."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import CountOrNone, Neighbors, NotNegative, Positive, Restarts, Section, Words

Reconstruction = Literal["bernoulli", "squared_error"]
Epochs = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...],
    Field(max_length=10_000),
    Words("a list of epochs, each at least 1, as in [8], or [] for none"),
]
LatentDim = Annotated[int, Field(ge=1, le=4096)]
Samples = Annotated[int, Field(ge=1, le=1000)]


class Optimizer(Section):
    """Adam and its schedule."""

    learning_rate: Annotated[float, Field(gt=0, le=10)]
    """Adam's, at the schedule's peak."""
    schedule: Literal["constant", "step", "cosine", "one_cycle"]
    """How it changes from step to step."""
    step_every: Annotated[int, Field(ge=1, le=1_000_000)]
    """Epochs between two steps of the schedule ``step``."""
    step_factor: Annotated[float, Field(gt=0, le=10)]
    """What each of these steps multiplies the learning rate with."""


class MixtureOptimizer(Optimizer):
    """Adam for the networks and the mixture."""

    prior_learning_rate: Annotated[float, Field(ge=0, le=10)]
    """Of the mixture's parameters; 0 leaves them where they started."""


class Network(Section):
    """What all models with a network have."""

    latent_dim: LatentDim
    """Dimensions D of the latent space."""
    reconstruction: Reconstruction
    """What compares an image with its reconstruction."""


class AE(Network):
    """The autoencoder."""

    name: Literal["ae"]
    """Which model."""
    optimizer: Optimizer
    """Adam and its schedule."""


class VAE(Network):
    """The variational autoencoder."""

    name: Literal["vae"]
    """Which model."""
    beta: NotNegative
    """Weight of the KL term; 1 is the evidence lower bound."""
    n_samples: Samples
    """Monte Carlo samples L of z per image."""
    optimizer: Optimizer
    """Adam and its schedule."""


class Warmup(Section):
    """The epochs after a fit of the mixture, in which q(c|x) stays its partition."""

    hold_epochs: CountOrNone
    """How many; 0 for none."""
    kl_weight: Positive
    """Weight of both KL terms in the first of these stretches."""
    kl_epochs: CountOrNone
    """Epochs, at the end of that stretch, in which the weight goes to 1; at most ``hold_epochs``."""


class SelfTraining(Section):
    """Cross-entropy with the model's own assignments, sharpened and balanced."""

    weight: NotNegative
    """Its weight beside the evidence lower bound; 0 for the bound alone."""
    temperature: Positive
    """Divides log p(z, c) before the softmax."""


class Pretrain(Section):
    """VaDE's first stage, an autoencoder."""

    max_epochs: Annotated[int, Field(ge=1, le=1_000_000)]
    """Its epochs."""
    reconstruction: Reconstruction
    """What compares an image with its reconstruction."""
    optimizer: Optimizer
    """Adam and its schedule."""
    augment: bool
    """Change its images at random too."""
    cache: bool
    """Reuse an equal pretraining of an earlier run."""


class VaDE(Network):
    """Variational Deep Embedding."""

    name: Literal["vade"]
    """Which model."""
    gamma: Literal["sample", "exact"]
    """Responsibilities in the bound: p(c|z) at the decoded sample, or their best value in closed form."""
    log_var_init: Annotated[float, Field(ge=-20, le=20)] | None
    """Log-variance that every q(z|x) starts with; null for a random head."""
    n_samples: Samples
    """Monte Carlo samples L of z per image."""
    refit_at: Epochs
    """Epochs at whose start the mixture is fitted again."""
    warmup: Warmup
    """The epochs after a fit of the mixture."""
    self_training: SelfTraining
    """The self-training term."""
    optimizer: MixtureOptimizer
    """Adam and its schedule."""
    pretrain: Pretrain
    """The first stage."""


class KMeans(Section):
    """K-means on the inputs as they are."""

    name: Literal["kmeans"]
    """Which method."""
    n_init: Restarts
    """Restarts; the one with the least inertia is kept."""


class GMM(Section):
    """A Gaussian mixture of the inputs as they are."""

    name: Literal["gmm"]
    """Which method."""
    n_init: Restarts
    """Restarts; the likeliest is kept."""
    covariance: Literal["diag", "full"]
    """Ellipsoids parallel to the axes, or of any direction."""
    reg_covar: Positive
    """Added to every variance."""


class Spectral(Section):
    """Spectral clustering of the inputs as they are."""

    name: Literal["spectral"]
    """Which method."""
    n_neighbors: Neighbors
    """Of each input in the neighbor graph, itself included."""
    n_init: Restarts
    """Restarts of k-means; the one with the least inertia is kept."""


Partition = KMeans | GMM | Spectral
Model = Annotated[AE | VAE | VaDE | KMeans | GMM | Spectral, Field(discriminator="name")]
