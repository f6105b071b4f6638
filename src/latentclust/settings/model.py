"""Settings of ``model``: what is trained, or which method partitions the inputs as they are."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from latentclust.errors import LatentclustError
from latentclust.limits import LOG_VAR_MAX, LOG_VAR_MIN
from latentclust.settings.base import CountOrNone, Neighbors, NotNegative, Positive, Restarts, Section, Words

Likelihood = Literal["auto", "bernoulli", "squared_error", "gaussian"]
Epochs = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...],
    Field(max_length=10_000),
    Words("a list of epochs, each at least 1, as in [8], or [] for none"),
]
LatentDim = Annotated[int, Field(ge=1, le=4096)]
Samples = Annotated[int, Field(ge=1, le=1000)]


class Optimizer(Section):
    """Adam and its schedule."""

    learning_rate: Annotated[float, Field(gt=0, le=10)] = 2e-3
    """Adam's, at the schedule's peak."""
    schedule: Literal["constant", "step", "cosine", "one_cycle"] = "one_cycle"
    """How it changes from step to step."""
    step_every: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """Epochs between two steps of the schedule ``step``."""
    step_factor: Annotated[float, Field(gt=0, le=10)] = 0.95
    """What each of these steps multiplies the learning rate with."""


class MixtureOptimizer(Optimizer):
    """Adam for the networks and the mixture."""

    prior_learning_rate: Annotated[float, Field(ge=0, le=10)] = 1e-3
    """Of the mixture's parameters; 0 leaves them where they started."""


class NetworkModel(Section):
    """What all models with a network have."""

    has_clusters: ClassVar[bool] = False
    """Whether it learns clusters of its own; the codes of the others are clustered to judge them."""

    latent_dim: LatentDim = 10
    """Dimensions D of the latent space."""

    def measured_terms(self) -> set[str]:
        """Return the terms of the objective that are measured of any images."""
        return {"loss", "reconstruction"}

    def training_terms(self) -> set[str]:
        """Return those that only a training has."""
        return {"loss"}


class RebuildingModel(NetworkModel):
    """A model whose objective compares inputs with their reconstructions."""

    likelihood: Likelihood = "auto"
    """p(x|z), what compares an input with its reconstruction; auto: what suits the model and the inputs."""


class AE(RebuildingModel):
    """The autoencoder."""

    name: Literal["ae"] = "ae"
    """Which model."""
    optimizer: Optimizer = Optimizer()
    """Adam and its schedule."""


class VAE(RebuildingModel):
    """The variational autoencoder."""

    name: Literal["vae"] = "vae"
    """Which model."""
    beta: NotNegative = 1.0
    """Weight of the KL term; 1 is the evidence lower bound."""
    n_samples: Samples = 1
    """Monte Carlo samples L of z per image."""
    optimizer: Optimizer = Optimizer(learning_rate=1e-3, schedule="constant")
    """Adam and its schedule."""

    def measured_terms(self) -> set[str]:
        """Return the bound and its terms."""
        return {"loss", "elbo", "reconstruction", "kl_z"}


class Warmup(Section):
    """The epochs after a fit of the mixture, in which q(c|x) stays its partition."""

    hold_epochs: CountOrNone = 4
    """How many; 0 for none."""
    kl_weight: Positive = 1.0
    """Weight of both KL terms in the first of these stretches."""
    kl_epochs: CountOrNone = 0
    """Epochs, at the end of that stretch, in which the weight goes to 1; at most ``hold_epochs``."""


class SelfTraining(Section):
    """Cross-entropy with the model's own assignments, sharpened and balanced."""

    weight: NotNegative = 100.0
    """Its weight beside the evidence lower bound; 0 for the bound alone."""
    temperature: Positive = 5.0
    """Divides log p(z, c) before the softmax."""


class Pretrain(Section):
    """The first stage, an autoencoder."""

    max_epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 2
    """Its epochs."""
    likelihood: Likelihood = "auto"
    """As ``model.likelihood``, of the autoencoder."""
    optimizer: Optimizer = Optimizer()
    """Adam and its schedule."""
    augment: bool = False
    """Change its images at random too."""
    cache: bool = True
    """Reuse an equal pretraining of an earlier run."""


class Pretrained(NetworkModel):
    """A model that starts from an autoencoder."""

    has_clusters: ClassVar[bool] = True

    pretrain: Pretrain = Pretrain()
    """The first stage."""


class VaDE(Pretrained, RebuildingModel):
    """Variational Deep Embedding."""

    name: Literal["vade"] = "vade"
    """Which model."""
    gamma: Literal["sample", "exact"] = "exact"
    """Responsibilities in the bound: p(c|z) at the decoded sample, or their best value in closed form."""
    log_var_init: Annotated[float, Field(gt=LOG_VAR_MIN, lt=LOG_VAR_MAX)] | Literal["mean"] | None = -3.0
    """Log-variance that every q(z|x) starts with; mean: a copy of the mean head; null: a random head."""
    n_samples: Samples = 1
    """Monte Carlo samples L of z per image."""
    refit_at: Epochs = (4,)
    """Epochs at whose start the mixture is fitted again."""
    warmup: Warmup = Warmup()
    """The epochs after a fit of the mixture."""
    self_training: SelfTraining = SelfTraining()
    """The self-training term."""
    optimizer: MixtureOptimizer = MixtureOptimizer()
    """Adam and its schedule."""

    def check(self) -> None:
        """Check that the warm-up's epochs and weights go together."""
        warmup = self.warmup
        if warmup.kl_epochs > warmup.hold_epochs:
            raise LatentclustError(
                f"model.warmup.kl_epochs is {warmup.kl_epochs}: it must be at most model.warmup.hold_epochs, "
                f"which is {warmup.hold_epochs}"
            )
        if warmup.kl_weight != 1 and not warmup.hold_epochs:
            raise LatentclustError(
                f"model.warmup.kl_weight is {warmup.kl_weight:g}, but model.warmup.hold_epochs is 0, so no "
                "epoch has it: give hold_epochs of at least 1, or kl_weight=1"
            )

    def measured_terms(self) -> set[str]:
        """Return the bound and its terms."""
        return {"elbo", "reconstruction", "kl_z", "kl_c"}

    def training_terms(self) -> set[str]:
        """Return the terms of the loss where it has another q(c|x), and of the self-training."""
        terms = {"loss"}
        if self.gamma == "sample" or self.warmup.hold_epochs:
            terms |= {"trained_kl_z", "trained_kl_c"}
        return terms | ({"self_training"} if self.self_training.weight else set())


class KMeans(Section):
    """K-means on the inputs as they are."""

    name: Literal["kmeans"] = "kmeans"
    """Which method."""
    n_init: Restarts = 10
    """Restarts; the one with the least inertia is kept."""


class GMM(Section):
    """A Gaussian mixture of the inputs as they are."""

    name: Literal["gmm"] = "gmm"
    """Which method."""
    n_init: Restarts = 5
    """Restarts; the likeliest is kept."""
    covariance: Literal["diag", "full"] = "full"
    """Ellipsoids parallel to the axes, or of any direction."""
    reg_covar: Positive = 1e-6
    """Added to every variance."""


class Spectral(Section):
    """Spectral clustering of the inputs as they are."""

    name: Literal["spectral"] = "spectral"
    """Which method."""
    n_neighbors: Neighbors = 10
    """Of each input in the neighbor graph, itself included."""
    n_init: Restarts = 10
    """Restarts of k-means; the one with the least inertia is kept."""


Partition = KMeans | GMM | Spectral
Model = Annotated[AE | VAE | VaDE | KMeans | GMM | Spectral, Field(discriminator="name")]
