"""Optional packages: whether they are there, before a run begins."""

from importlib.util import find_spec

from latentclust.errors import LatentclustError
from latentclust.settings.top import Settings

# The modules that each extra of the package has, as far as they are asked for by a setting.
MODULES = {"wandb": "wandb", "mlflow": "mlflow", "search": "optuna"}
# Hydra's launchers that come with an extra, and what the package is called that has them.
LAUNCHERS = {
    "joblib": ("joblib", "hydra-joblib-launcher"),
    "submitit_local": ("submitit", "hydra-submitit-launcher"),
    "submitit_slurm": ("submitit", "hydra-submitit-launcher"),
}


def require_extra(extra: str, wanted_by: str) -> None:
    """Check that an optional package is installed.

    Raises
    ------
    LatentclustError
        With the command that installs it.
    """
    if not is_there(MODULES[extra]):
        raise LatentclustError(f"{wanted_by} needs the package {MODULES[extra]}: {how_to_install(extra)}")


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'latentclust[{extra}]', in a checkout pip install -e '.[{extra}]'"


def is_there(module: str) -> bool:
    """Whether a module can be imported; it is not."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


def require_packages(settings: Settings) -> None:
    """Check that the packages are there that the settings ask for.

    Raises
    ------
    LatentclustError
        For the first that is not.
    """
    for name in ("wandb", "mlflow"):
        if getattr(settings.logger, name):
            require_extra(name, f"logger.{name}=true")
