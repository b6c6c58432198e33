import json

import keras
import numpy as np
import pytest

from ccm_tf.criteria import (
    PCA,
    Criterion,
    Random,
    Ranking,
    criteria,
    get_criterion,
    register_criterion,
    registry,
)
from ccm_tf.graph import ChannelGraph
from tests import zoo

BUILT_IN = [
    "activation_mean",
    "apoz",
    "bn_scale",
    "correlation",
    "fisher",
    "geometric_median",
    "group_magnitude",
    "independence",
    "kron_obd",
    "kron_obs",
    "lamp",
    "magnitude",
    "obd",
    "obs",
    "pca",
    "random",
    "relevance",
    "taylor",
]
STREAM = {"batch_size": 16, "max_batches": 5}
SETTINGS = {
    "activation_mean": {"reduction": "sum", "normalization": "max", **STREAM},
    "apoz": {"reduction": "max", "normalization": "mean", **STREAM},
    "bn_scale": {"reduction": "sum", "normalization": "max", "fallback": "keep"},
    "correlation": {"matrix": "covariance", **STREAM},
    "fisher": {"loss": "mean_squared_error", "normalization": "mean", **STREAM},
    "geometric_median": {"reduction": "max", "normalization": "none"},
    "group_magnitude": {"norm": "l1", "normalization": "max"},
    "independence": {"decimals": 4, "reference": True, **STREAM},
    "kron_obd": {"labels": "empirical", "loss": "mse", "seed": 3, **STREAM},
    "kron_obs": {"damping": 0.01, "seed": 3, **STREAM},
    "magnitude": {"norm": "l1", "reduction": "sum", "normalization": "max"},
    "obd": {"labels": "empirical", "loss": "mse", "seed": 3, **STREAM},
    "obs": {"damping": 0.01, "seed": 3, **STREAM},
    "pca": {"matrix": "covariance", **STREAM},
    "random": {"seed": 7},
    "relevance": {"alpha": 1.5, "scale": "none", "samples": "correct", "reference": True, **STREAM},
    "taylor": {"of": "weights", "loss": ["mse"], "normalization": "max", **STREAM},
}


def test_criteria_lists_what_is_built_in():
    assert set(BUILT_IN) <= set(criteria())
    assert list(criteria()) == sorted(criteria())


@pytest.mark.parametrize("name", BUILT_IN)
def test_get_by_name_instance_and_config(name):
    made = get_criterion(name)
    assert type(made) is criteria()[name] and made.name == name
    assert get_criterion(made) is made
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(made)))
    assert type(get_criterion(config)) is type(made)


@pytest.mark.parametrize("name", criteria())
def test_config_round_trip(name):
    made = criteria()[name](**SETTINGS.get(name, {}))
    config = json.loads(json.dumps(made.get_config()))
    assert config.items() >= SETTINGS.get(name, {}).items()
    again = type(made).from_config(config)
    assert again.get_config() == config
    assert vars(again) == vars(made)
    assert repr(again) == repr(made)


def test_repr_shows_the_settings():
    assert repr(Random(seed=3)) == "Random(seed=3)"


@pytest.mark.parametrize("name", ["PCA", "l1", "", None, 3, {"class_name": "x"}])
def test_unknown_names_get_the_list(name):
    with pytest.raises(ValueError, match="Unknown criterion") as error:
        get_criterion(name)
    assert all(repr(known) in str(error.value) for known in BUILT_IN)


def test_a_criterion_is_one_class_with_a_decorator(monkeypatch):
    monkeypatch.setattr(registry, "_CRITERIA", dict(registry._CRITERIA))

    @register_criterion("first")
    class First(Criterion):
        def rank(self, graph, data=None, verbose=0):
            groups = [g for g in graph.groups if len(g.roots)]
            return {g.index: Ranking(g.roots, np.ones(len(g.roots))) for g in groups}

    graph = ChannelGraph(zoo.chain())
    assert get_criterion("first").rank(graph)[0].cut(0.5) == 4
    assert "first" in criteria()


def test_a_name_belongs_to_one_criterion():
    with pytest.raises(ValueError, match="'pca' belongs to the criterion PCA"):

        @register_criterion("pca")
        class Other(Criterion):
            pass

    assert criteria()["pca"] is PCA


def test_only_criteria_register():
    with pytest.raises(TypeError, match="subclass of `Criterion`"):
        register_criterion("thing")(int)
