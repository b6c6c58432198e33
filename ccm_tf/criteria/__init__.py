"""Criteria: which channels matter. Importing the package registers every file in it."""

import importlib
import pkgutil

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.group_magnitude import GroupMagnitude
from ccm_tf.criteria.independence import Independence
from ccm_tf.criteria.magnitude import Magnitude
from ccm_tf.criteria.pca import PCA
from ccm_tf.criteria.random import Random
from ccm_tf.criteria.ranking import Ranking, check_energy
from ccm_tf.criteria.registry import criteria, get_criterion, register_criterion

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "PCA",
    "Criterion",
    "GroupMagnitude",
    "Independence",
    "Magnitude",
    "Random",
    "Ranking",
    "check_energy",
    "criteria",
    "get_criterion",
    "register_criterion",
]
