"""scikit-learn's habits on the same engine: fit, predict, transform, sample, save."""

import io
from collections.abc import Callable, Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from latentclust import engine
from latentclust.data import ArrayDataModule
from latentclust.data.description import Description
from latentclust.estimator.habits import (
    IMAGE_DIMS,
    as_value_errors,
    checked_images,
    plain_state,
    seed_of,
    settings_of,
    warn_of_alike,
)
from latentclust.models import Clusters, HasMixture, LatentModel, Samples
from latentclust.runs.checkpoints import read_checkpoint
from latentclust.runs.estimators import load_estimator, save_estimator
from latentclust.runs.run import Run
from latentclust.settings import Settings
from latentclust.training.inference import evaluating, in_chunks, require_finite


class DeepClustering(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Deep clustering as a scikit-learn estimator: the same engine and numbers as the command line.

    Parameters
    ----------
    n_clusters
        K, or ``"auto"``: chosen without labels.
    model
        As in ``model=...``: ``vade``, ``dec``, ``idec``; or ``ae`` or ``vae``, whose codes a Gaussian mixture
        clusters.
    random_state
        Of the weights, the order of the inputs, the noise and the restarts; None: another one each time.
    max_epochs
        Of the training; None: those of the model's recipe.
    preprocess
        As the key ``preprocess``: ``auto``, or steps such as ``log1p+pca:50``.
    settings
        Further settings by dotted key, as in ``{"model.latent_dim": 5, "network.widths": [100, 100]}``.
    verbose
        Show progress.

    Attributes
    ----------
    labels_ : ndarray of shape (N,)
        Each input's cluster, int64.
    n_clusters_ : int
        K.
    model_ : LatentModel
        The trained model.
    n_features_in_ : int
        P, of vectors.
    feature_names_in_ : ndarray of shape (P,)
        If `fit` was given a DataFrame.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> X, _ = make_blobs(300, 5, centers=3, random_state=0)
    >>> quick = {"network.widths": [32], "model.pretrain.max_epochs": 2, "init.n_epochs": 20,
    ...          "data.min_images_per_epoch": None}
    >>> clustering = DeepClustering(n_clusters=3, random_state=0, max_epochs=2, settings=quick).fit(X)
    >>> clustering.labels_.shape, clustering.predict_proba(X[:2]).shape, clustering.transform(X).shape
    ((300,), (2, 3), (300, 10))
    """

    def __init__(
        self,
        n_clusters: int | str = 10,
        *,
        model: str = "vade",
        random_state: Any = None,
        max_epochs: int | None = None,
        preprocess: Any = "auto",
        settings: Mapping[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.model = model
        self.random_state = random_state
        self.max_epochs = max_epochs
        self.preprocess = preprocess
        self.settings = settings
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Train the model on inputs.

        Parameters
        ----------
        X
            Vectors ``(N, P)``, with NaN where a value is missing, or images ``(N, H, W)`` or
            ``(N, H, W, C)``, uint8 or floats.
        y
            Not looked at.

        Raises
        ------
        ValueError
            If they cannot be clustered.
        """
        inputs = self._validated(X, reset=True)
        with as_value_errors(), TemporaryDirectory(prefix="latentclust-") as folder:
            settings = self._settings(folder)
            names = tuple(getattr(self, "feature_names_in_", ()))
            data = ArrayDataModule(
                inputs,
                names,
                batch_size=settings.data.batch_size,  # type: ignore[union-attr]
                min_images_per_epoch=settings.data.min_images_per_epoch,  # type: ignore[union-attr]
            )
            arguments = [f"model={self.model}", f"n_clusters={self.n_clusters}"]
            run = Run(Path(folder) / "run", arguments)
            with nullcontext() if self.verbose else redirect_stdout(io.StringIO()):
                outcome = engine.fit(data, settings, run)
            self._checkpoint = read_checkpoint(run.folder / "checkpoints" / "last.ckpt")
        warn_of_alike(inputs, settings.k_limits[0])
        assert isinstance(outcome.model, LatentModel)
        self.model_ = outcome.model.cpu().eval()
        self.labels_: NDArray[np.int64] = outcome.clusters.numpy()
        self._learned()
        return self

    def _learned(self) -> None:
        model = self.model_
        self.n_clusters_ = model.n_clusters if isinstance(model, Clusters) else model.code_mixture.n_clusters
        self._n_features_out = int(self.model_.hparams["latent_dim"])

    def _settings(self, folder: str) -> Settings:
        params = self.get_params(deep=False) | {"random_state": seed_of(self.random_state)}
        return settings_of(params, folder)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """Return each input's cluster ``(N,)``."""
        clusters: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return clusters

    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating]:  # noqa: N803
        """Return each input's probability of each cluster, ``(N, K)``."""
        return self._apply(self._model().predict_proba, X)

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:  # noqa: N803
        """Return the inputs' codes ``(N, D)``."""
        return self._apply(self._model().encode, X)

    def score_samples(self, X: ArrayLike) -> NDArray[np.floating]:  # noqa: N803
        """Return each input's bound on log p(x), ``(N,)``; of AE and DEC minus its reconstruction error."""
        model = self._model()
        return self._apply(lambda x: model.describe(x).bounds, X)

    def score(self, X: ArrayLike, y: object = None) -> float:  # noqa: N803
        """Return the mean of :meth:`score_samples`: higher is better."""
        return float(self.score_samples(X).mean())

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.floating]:  # noqa: N803
        """Decode codes ``(N, D)`` as raw inputs: vectors ``(N, P)``, or images ``(N, H, W, C)`` in [0, 1]."""
        model = self._model()
        codes = torch.as_tensor(np.asarray(X, dtype=np.float32))
        if codes.dim() != 2 or codes.shape[1] != self._n_features_out:
            raise ValueError(f"codes have shape {tuple(codes.shape)}: give (N, {self._n_features_out})")
        with torch.inference_mode():
            return self._raw(model.decode(codes))

    def sample(self, n_samples: int = 1) -> NDArray[np.floating]:
        """Generate inputs like those of the training, as :meth:`inverse_transform` returns them.

        Raises
        ------
        ValueError
            If the model has no distribution of codes, as AE, DEC and IDEC, or `n_samples` is not a whole
            number of at least 1.
        """
        model = self._model()
        if not isinstance(model, HasMixture | Samples):
            raise ValueError(f"model={self.model!r} generates nothing: choose vade or vae")
        generator = torch.Generator().manual_seed(seed_of(self.random_state))
        with as_value_errors():
            drawn = model.sample(n_samples, generator=generator)
        return self._raw(drawn)

    def save(self, path: str | Path) -> None:
        """Write everything to a file, which is also a checkpoint for ``task=predict`` of the command line."""
        self._model()
        params = self.get_params() | {"random_state": plain_state(self.random_state)}
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        save_estimator(Path(path), self._checkpoint, params, self.labels_, names)

    @classmethod
    def load(cls, path: str | Path) -> "DeepClustering":
        """Return the estimator that :meth:`save` has written; nothing in the file is executed.

        Raises
        ------
        ValueError
            If it is none.
        """
        with as_value_errors():
            saved = load_estimator(Path(path))
        found = cls(**saved.params)
        found.model_, found.labels_, found._checkpoint = saved.model, saved.labels, saved.checkpoint
        if saved.feature_names:
            found.feature_names_in_ = np.array(saved.feature_names, dtype=object)
        if found._takes().spec.kind == "vector":
            found.n_features_in_ = found._takes().spec.shape[0]
        found._learned()
        return found

    def _model(self) -> LatentModel:
        check_is_fitted(self, "model_")
        return self.model_

    def _takes(self) -> Description:
        assert self.model_.description is not None
        return self.model_.description

    def _validated(self, X: Any, *, reset: bool) -> Tensor:  # noqa: N803
        """Check inputs and return them as a data module holds them."""
        inputs = X.detach().cpu().numpy() if isinstance(X, Tensor) else X
        takes = None if reset else self._takes()
        if getattr(inputs, "ndim", 2) in IMAGE_DIMS:
            return checked_images(np.asarray(inputs), takes)
        rows = validate_data(
            self,
            inputs,
            reset=reset,
            dtype=np.float32,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
        )
        if takes is not None and takes.spec.kind == "image":
            raise ValueError("X has rows, but DeepClustering was fitted to images")
        return torch.from_numpy(np.array(rows, dtype=np.float32))

    def _apply(self, function: Callable[[Tensor], Tensor], X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        model = self._model()
        inputs = self._validated(X, reset=False)
        assert model.description is not None
        with evaluating(model), torch.inference_mode():
            found = in_chunks(function, model.description.preprocess(inputs))
        with as_value_errors():
            require_finite(found, "X")
        results: NDArray[Any] = found.numpy()
        return results

    def _raw(self, x: Tensor) -> NDArray[np.floating]:
        """Turn what the network knows into raw inputs."""
        assert self.model_.description is not None
        raw = (
            self.model_.description.preprocess.inverse(x)
            if self._takes().spec.kind == "vector"
            else x.movedim(1, -1)
        )
        found: NDArray[np.floating] = raw.numpy()
        return found

    def __sklearn_tags__(self) -> Tags:
        """Say what the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.non_deterministic = self.random_state is None
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
