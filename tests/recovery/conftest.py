"""A residual network, and what became of it at 60 % of its multiply-accumulates."""

import pytest

import ccm_tf
from tests import zoo


@pytest.fixture
def teacher():
    model = zoo.residual()
    zoo.randomise(model)
    return model


@pytest.fixture
def student(teacher):
    return ccm_tf.rewrite(teacher, ccm_tf.plan(teacher, "magnitude", macs=0.6))
