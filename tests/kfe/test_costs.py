from ccm_tf.kfe.costs import ACCEPT, Cost


def test_what_a_bottleneck_has_to_save():
    old, smaller, faster, both = Cost(10, 10), Cost(9, 11), Cost(11, 9), Cost(9, 9)
    assert ACCEPT["params"](smaller, old) and not ACCEPT["params"](faster, old)
    assert ACCEPT["macs"](faster, old) and not ACCEPT["macs"](smaller, old)
    assert ACCEPT["both"](both, old) and not ACCEPT["both"](smaller, old)
    assert not any(accept(old, old) for accept in ACCEPT.values())


def test_savings():
    assert Cost(10, 7) - Cost(4, 5) == Cost(6, 2)
