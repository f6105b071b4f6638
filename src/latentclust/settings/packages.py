"""Optional packages: whether they are there, before a run begins."""

from importlib.util import find_spec

from latentclust.errors import LatentclustError
from latentclust.settings.top import Settings

# The modules that each extra of the package has, as far as they are asked for by a setting.
MODULES = {"wandb": ("wandb",), "mlflow": ("mlflow",), "search": ("optuna",)}


def require_extra(extra: str, wanted_by: str) -> None:
    """Check that an optional package is installed.

    Raises
    ------
    LatentclustError
        With the command that installs it.
    """
    missing = [name for name in MODULES[extra] if find_spec(name) is None]
    if missing:
        raise LatentclustError(
            f"{wanted_by} needs the package {missing[0]}: pip install 'latentclust[{extra}]', in a checkout "
            f"pip install -e '.[{extra}]'"
        )


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
