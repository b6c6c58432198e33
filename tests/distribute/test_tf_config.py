import json

import pytest

from ccm_tf.distribute.tf_config import Cluster, read_tf_config

TWO = {"worker": ["a:1", "b:2"]}


def read(cluster=TWO, task=None, **more):
    task = {"type": "worker", "index": 0} if task is None else task
    return read_tf_config({"TF_CONFIG": json.dumps({"cluster": cluster, "task": task, **more})})


def test_workers_in_order():
    found = read(task={"type": "worker", "index": 1})
    assert found == Cluster(("a:1", "b:2"), 1)
    assert found.name(0) == "worker 0 (chief) at a:1" and found.name(1) == "worker 1 at b:2"


def test_a_chief_comes_before_the_workers():
    cluster = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    assert read(cluster, {"type": "chief", "index": 0}) == Cluster(("a:1", "b:2", "c:3"), 0)
    assert read(cluster, {"type": "worker", "index": 1}).index == 2


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "needs TF_CONFIG, .*Received: no TF_CONFIG"),
        ("{", "is not JSON .*Expected something like .*Received: TF_CONFIG='{'"),
        ("[]", "needs a 'cluster' and a 'task'"),
        ('{"cluster": {}}', "needs a 'cluster' and a 'task'"),
    ],
)
def test_text_that_does_not_parse(text, message):
    with pytest.raises(ValueError, match=message):
        read_tf_config({"TF_CONFIG": text})


@pytest.mark.parametrize(
    "cluster,task,message",
    [
        ({"ps": ["a:1"]}, {"type": "ps", "index": 0}, "tasks of the type 'ps'"),
        ({"worker": "a:1"}, None, "must be a list of 'host:port'"),
        ({"worker": ["a"]}, None, "must be a list of 'host:port'"),
        ({"worker": ["a:99999"]}, None, "must be a list of 'host:port'"),
        ({"worker": ["a:1", "a:1"]}, None, "lists 'a:1' twice"),
        ({"chief": ["a:1", "b:1"]}, {"type": "chief", "index": 0}, "more than one chief"),
        (TWO, {"type": "worker", "index": 2}, "is 'worker' 2, but its cluster has worker 0 to 1"),
        (TWO, {"type": "worker", "index": "0"}, "is 'worker' '0'"),
        (TWO, {"type": "chief", "index": 0}, "is 'chief' 0, but its cluster has worker 0 to 1"),
        ({}, None, "its cluster has nobody"),
    ],
)
def test_contradictions(cluster, task, message):
    with pytest.raises(ValueError, match=message):
        read(cluster, task)
