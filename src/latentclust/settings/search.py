"""Settings of ``search``: which settings ``task=search`` tries, and how."""

from typing import Annotated, Literal

from pydantic import Field

from latentclust.settings.base import Count, CountOrNone, Section, Text, Words


class Search(Section):
    """Which settings are tried, and how."""

    study: Annotated[
        Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w.-]+$")],
        Words("a name of letters, digits, dots and dashes"),
    ] = "vade"
    """Of the study; the same name goes on with it."""
    n_trials: Count = 30
    """In all, those of earlier and parallel commands included."""
    space: Annotated[
        tuple[Annotated[Text, Field(pattern=r"^[^=]+=.+$")], ...],
        Words("a list of keys with their values, as in ['model.latent_dim=range(2, 11)']"),
    ] = (
        "model.optimizer.learning_rate=tag(log, interval(2e-4, 1e-2))",
        "model.optimizer.prior_learning_rate=tag(log, interval(1e-4, 1e-2))",
        "model.log_var_init=interval(-5, -1)",
        "data.batch_size=choice(64, 128, 256)",
    )
    """Keys with their values, in Hydra's words for sweeps."""
    sampler: Literal["tpe", "random"] = "tpe"
    """What chooses the next trial."""
    startup: CountOrNone = 8
    """Random trials before the sampler learns."""
    pruning: bool = True
    """Stop trials whose label-free objective is worse than the others' median."""
    direction: Literal["auto", "maximize", "minimize"] = "auto"
    """What is better of ``optimized_metric``."""
