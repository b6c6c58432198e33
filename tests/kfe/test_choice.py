import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.basis import Eigenbasis
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.candidates import Candidate
from ccm_tf.kfe.choice import Queue, choose_cost, choose_ratio, dropped
from ccm_tf.kfe.costs import Cost, bottleneck_cost, cost_now, separable_cost


def blocks():
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(16, 3, padding="same", name="a", use_bias=False)(inputs)
    x = layers.Conv2D(16, 3, padding="same", strides=2, name="b", use_bias=False)(x)
    x = layers.Conv2D(24, 1, name="c", use_bias=False)(x)
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="out")(x))
    found = find_blocks(ChannelGraph(model))[0]
    return [found[name] for name in "abc"]


def candidate(block, scores, max_ratio=1.0, accept="params", separable=False, relative=False):
    """A block whose directions have these scores on each side."""
    _, inputs, outputs = block.shape
    into, out = scores(inputs), scores(outputs)
    basis = Eigenbasis(into, out, np.eye(inputs), np.eye(outputs), None, None)
    fixed = _Scored(**vars(basis), into=into, out=out)
    options = {"accept": accept, "separable": separable, "relative": relative}
    return Candidate.of(block, fixed, max_ratio, **options)


@dataclasses.dataclass(frozen=True, eq=False)
class _Scored(Eigenbasis):
    into: np.ndarray = None
    out: np.ndarray = None

    @property
    def input_scores(self):
        return self.into

    @property
    def output_scores(self):
        return self.out


def candidates(seed=0, **settings):
    rng = np.random.default_rng(seed)
    return [candidate(block, lambda n: rng.exponential(size=n), **settings) for block in blocks()]


def test_costs_of_the_published_example():
    inputs = keras.Input((2, 2, 512))
    x = layers.Conv2D(512, 3, padding="same", name="a", use_bias=False)(inputs)
    model = keras.Model(inputs, layers.Conv2D(2, 1)(x))
    block = find_blocks(ChannelGraph(model))[0]["a"]
    assert bottleneck_cost(block, 32, 32).params == 41984
    assert cost_now(block) == Cost(2359296, 4 * 2359296)
    full = bottleneck_cost(block, 512, 512).params / 2359296
    assert full == pytest.approx(1 + 2 / 9)
    assert separable_cost(block, 32) == Cost(32 * (512 + 9 + 512), 4 * 32 * (512 + 9 + 512))


def test_the_rotation_in_front_runs_at_the_resolution_of_the_input():
    _, strided, _ = blocks()
    assert bottleneck_cost(strided, 2, 3) == Cost(32 + 54 + 48, 16 * 32 + 4 * (54 + 48))


def test_acceptance_never_grows_a_layer():
    (a, b, c) = candidates()
    assert not b.accepted((0, 0)) and not b.accepted((1, 0)) and b.accepted((8, 8))
    for one in (a, b, c):
        for drops in np.ndindex(*one.block.shape[1:]):
            left = bottleneck_cost(one.block, *one.left(drops))
            if one.accepted(drops):
                assert left.params < cost_now(one.block).params
            else:
                assert one.cost(drops) == cost_now(one.block)


@pytest.mark.parametrize("ratio", [0, 0.1, 0.35, 0.5, 0.61, 0.8, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_exactly_so_many_directions(ratio, seed):
    made = candidates(seed)
    total = sum(c.units for c in made)
    choice = choose_ratio(made, ratio)
    more = dropped(choice.drops) - int(np.floor(ratio * total))
    # A layer that pays only with many drops may bring a few too many; then the plan says so.
    assert more == 0 or (more > 0 and choice.notes)
    for one, drops in zip(made, choice.drops, strict=True):
        assert drops == (0, 0) or one.accepted(drops)
        assert all(left >= 1 for left in one.left(drops))


def test_the_lowest_go_first_and_ties_go_in_order():
    (_, block, _) = blocks()
    one = candidate(block, lambda n: np.zeros(n), max_ratio=0.9)
    inputs, outputs = one.kept((3, 2))
    np.testing.assert_array_equal(inputs, np.arange(3, 16))
    np.testing.assert_array_equal(outputs, np.arange(2, 16))
    first, second = (choose_ratio([one], 0.5).drops for _ in range(2))
    assert first == second == [(14, 2)]


def test_the_best_direction_stays():
    (_, block, _) = blocks()
    one = candidate(block, lambda n: np.arange(n)[::-1].astype(float))
    inputs, outputs = one.kept((15, 15))
    assert list(inputs) == [0] and list(outputs) == [0]


def test_the_largest_share_of_a_side():
    made = candidates(max_ratio=0.5)
    assert [len(order) for order in made[1].orders] == [8, 8]
    with pytest.raises(ValueError, match="within the limits only"):
        choose_ratio(made, 0.6)


def test_refused_layers_leave_their_share_to_others():
    (_, b, c) = blocks()
    rng = np.random.default_rng(0)
    # All but the best of `c` are the least important of all, but too few to make it pay.
    cheap = candidate(c, lambda n: rng.random(n) * 1e-3, max_ratio=0.3)
    other = candidate(b, lambda n: 1 + rng.random(n))
    choice = choose_ratio([cheap, other], 0.3)
    assert choice.drops[0] == (0, 0)
    assert dropped(choice.drops) == int(np.floor(0.3 * (16 + 24 + 32)))


@pytest.mark.parametrize("kind", ["params", "macs"])
@pytest.mark.parametrize("separable", [False, True])
def test_budgets(kind, separable):
    made = candidates(1, accept="both", separable=separable)
    dense = sum(getattr(cost_now(c.block), kind) for c in made)
    before = dense
    for part in (1.0, 0.8, 0.5, 0.3):
        limit = 100 + int(part * dense)
        choice = choose_cost(made, kind, 100, limit)
        pairs = zip(made, choice.drops, strict=True)
        reached = sum(getattr(c.cost(d), kind) for c, d in pairs)
        assert reached + 100 <= limit and reached <= before
        assert reached + 100 > 0.9 * limit or choice.notes
        before = reached
    with pytest.raises(ValueError, match="within the limits .* remain"):
        choose_cost(made, kind, 100, 110)


def test_relative_scores_know_no_scale():
    """The same scores in every layer, a thousand times as large in each as in the one before."""

    def queue(relative):
        scales = [1000.0**number for number in range(3)]
        found = [
            candidate(block, lambda n, s=scale: s * np.linspace(1, 2, n), relative=relative)
            for block, scale in zip(blocks(), scales, strict=True)
        ]
        return found, Queue(found).owners[:, 0]

    found, owners = queue(relative=False)
    assert (np.diff(owners) >= 0).all()
    found, owners = queue(relative=True)
    half = np.bincount(owners[: len(owners) // 2], minlength=3)
    np.testing.assert_allclose(half / [one.units for one in found], 0.5, atol=0.1)


def test_a_layer_without_any_score_can_be_compared():
    (one, *_) = [candidate(b, np.zeros, relative=True) for b in blocks()]
    assert not one.scores[0].any()
