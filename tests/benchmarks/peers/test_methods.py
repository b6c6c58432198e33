from benchmarks.peers.methods import BUDGETS, OWN, PEERS
from benchmarks.peers.torch_job import identifier, task_of
from ccm_tf.criteria import criteria


def test_names_make_different_files():
    for methods in (OWN, PEERS):
        files = {identifier(method.name, at) for method in methods for at in BUDGETS}
        assert len(files) == len(methods) * len(BUDGETS)
    assert identifier("group L2, global", 0.5) == "group_l2_global_0.5"


def test_our_methods_can_be_made():
    for own in OWN:
        criteria()[own.criterion](**own.arguments)
        assert (own.fold is not None) == own.name.endswith("folded")


def test_the_other_side_learns_everything_but_the_name():
    task = task_of(PEERS[0])
    assert task == {
        "importance": "GroupMagnitudeImportance",
        "arguments": {"p": 2},
        "global_pruning": True,
        "gradients": False,
    }


def test_taylor_has_gradients():
    assert all(peer.gradients == ("Taylor" in peer.importance) for peer in PEERS)
