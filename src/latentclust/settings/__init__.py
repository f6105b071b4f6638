"""The settings of a run, typed: names, ranges and units, one file for each group of conf/.

Nothing here imports torch, Lightning, Hydra or NumPy, so that a mistake is found at once.
"""

from latentclust.settings.base import Section
from latentclust.settings.check import check_settings, chosen_in, import_extensions
from latentclust.settings.keys import GROUPS, VARIED, all_keys, near_miss, unknown_key
from latentclust.settings.metrics import possible_metrics
from latentclust.settings.recipes import settings_for
from latentclust.settings.top import Settings, settings_class

__all__ = [
    "GROUPS",
    "VARIED",
    "Section",
    "Settings",
    "all_keys",
    "check_settings",
    "chosen_in",
    "import_extensions",
    "near_miss",
    "possible_metrics",
    "settings_class",
    "settings_for",
    "unknown_key",
]
