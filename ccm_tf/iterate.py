"""Prune, rewrite, recover, again and again."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from ccm_tf.criteria import Criterion, get_criterion
from ccm_tf.files import PathLike
from ccm_tf.graph import ChannelGraph
from ccm_tf.plan import plan as make_plan
from ccm_tf.profile import profile
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.recovery.recalibrate import recalibrate
from ccm_tf.rewrite import rewrite
from ccm_tf.round_files import RunFolder
from ccm_tf.rounds import Round, Stop, Targets, absolute, composed, targets_of

Recover = Callable[[keras.Model, keras.Model, Round], keras.Model | None]


@dataclasses.dataclass(frozen=True)
class Iteration:
    """What an iteration came to.

    Attributes:
        model: The best student: the smallest whose score was allowed.
        rounds: Every round that was finished, in order.
        dense_score: What `evaluate` said of the model at the start, if it was asked.
        reason: Why it ended.
        plan: What all accepted rounds do together, as one `PruningPlan` for the dense model;
            `None` where rounds do something else than remove channels.
    """

    model: keras.Model
    rounds: tuple[Round, ...]
    dense_score: float | None
    reason: str
    plan: PruningPlan | None = None

    def __str__(self) -> str:
        lines = [f"{'round':>5}  {'params':>12}  {'MACs':>14}  {'score':>8}  {'seconds':>8}  kept"]
        if self.dense_score is not None:
            lines.append(f"{'dense':>5}  {'':>12}  {'':>14}  {self.dense_score:8.4f}")
        for one in self.rounds:
            score = "" if one.score is None else f"{one.score:.4f}"
            lines.append(
                f"{one.number:5}  {one.params:12,}  {one.macs:14,}  {score:>8}  "
                f"{one.seconds:8.1f}  {'yes' if one.accepted else 'no'}"
            )
        return "\n".join([*lines, self.reason])


def iterate(
    model: keras.Model,
    criterion: str | Criterion | Callable[..., Any],
    schedule: Iterable[float | Mapping[str, Any]] | Callable[[int], Any],
    data: Any = None,
    *,
    recover: Recover | None = None,
    evaluate: Callable[[keras.Model], float] | None = None,
    stop: Stop | None = None,
    folder: PathLike | None = None,
    verbose: int = 1,
) -> Iteration:
    """Prunes a model in rounds, with recovery after each.

    A round plans on the student that the last one left, rewrites it and lets it recover. That
    keeps more accuracy than one cut of the same size: what the criterion sees stays true, and what
    was lost is learned back before more goes. The same loop serves channel pruning by any
    criterion, adversarial iterative pruning (with an `AdversarialDistiller` in `recover`) and
    iterative EigenDamage (with `ccm_tf.kfe.plan` as the criterion).

    Args:
        model: The dense model; never changed. It is the teacher.
        criterion: As for `ccm_tf.plan`; or a function `planner(student, data, **target)` that
            returns something `ccm_tf.rewrite` takes.
        schedule: One target per round. A number in (0, 1] is a part of the dense model's MACs, a
            dict holds arguments of the planner, such as `{"params": 0.5}` or `{"energy": 0.9}`;
            parts of `macs`, `params`, `channels` and `bytes` count from the dense model. Or a
            schedule of `ccm_tf.schedules` with an end: its sparsity is the part of MACs that goes.
        data: As for `ccm_tf.plan`.
        recover: `recover(student, teacher, round)` trains the student, or returns another model.
            Defaults to `None`: batch-norm statistics are estimated anew if there is data.
        evaluate: `evaluate(model)` returns a score, larger is better, from images that chose
            nothing else. Defaults to `None`.
        stop: When to end before the schedule does. Defaults to `None`: never.
        folder: Where every round is kept as `round-01.keras` and `round-01.json`. A killed
            iteration goes on from there, with the same call. Defaults to `None`: nowhere.
        verbose: 1 prints a line per round, 0 nothing. Defaults to 1.

    Returns:
        An `Iteration`.

    Raises:
        ValueError: If the schedule holds no rounds, `stop` needs a score that nobody gives, or the
            folder holds another iteration.

    Example:

    ```python
    def recover(student, teacher, round):
        distiller = ccm_tf.recovery.Distiller(teacher, student)
        distiller.compile("adam", loss)
        distiller.fit(images, labels, epochs=3)

    result = ccm_tf.iterate(model, "magnitude", [0.8, 0.6, 0.5], recover=recover)
    result.model.save("slim.keras")
    ```

    Reference:
        Chang, Lu, Xue, Xu and Wei, "AIP: Adversarial Iterative Pruning Based on Knowledge Transfer
        for Convolutional Neural Networks", 2021, arXiv 2108.13591.
    """
    targets = targets_of(schedule)
    stop = stop or Stop()
    stop.check(evaluate is not None)
    planner = _planner(criterion, data)
    run = RunFolder(model, folder, {"criterion": _described(criterion), "targets": targets})
    dense_score = run.dense_score(evaluate)
    say = print if verbose else _nothing
    dense, graph = profile(model), ChannelGraph(model)
    student, rounds, plans = run.resume()
    kept, reason = student or model, "All rounds are done."
    student = student or model
    for number in range(len(rounds) + 1, len(targets) + 1):
        ended = stop.reached(rounds, dense)
        if ended:
            reason = ended
            break
        start = time.perf_counter()
        target = absolute(targets[number - 1], dense, graph)
        plan = planner(student, target)
        slim = rewrite(student, plan)
        size = profile(slim)
        if size.params >= profile(student).params:
            reason = f"Round {number} found nothing to prune."
            break
        this = Round(number, targets[number - 1], size.params, size.macs, run.folder)
        slim = _recovered(recover, slim, model, this, data)
        this = dataclasses.replace(
            this,
            score=None if evaluate is None else float(evaluate(slim)),
            seconds=time.perf_counter() - start,
        )
        this = dataclasses.replace(this, accepted=stop.allows(this.score, dense_score))
        run.save(this, plan, slim)
        rounds.append(this)
        say(_line(this, dense))
        if not this.accepted:
            reason = f"Round {number} lost more than allowed, so the student before it is kept."
            break
        plans.append(plan)
        student = kept = slim
    return Iteration(kept, tuple(rounds), dense_score, reason, _together(model, plans))


def _together(model: keras.Model, plans: list[Any]) -> PruningPlan | None:
    if not all(isinstance(plan, PruningPlan) for plan in plans):
        return None
    return composed(model, plans)


def _nothing(text: str) -> None:
    """Says nothing."""


def _planner(criterion: Any, data: Any) -> Callable[[keras.Model, Targets], Any]:
    if callable(criterion) and not isinstance(criterion, (str, Criterion)):
        return lambda student, target: criterion(student, data, **target)
    chosen = get_criterion(criterion)
    return lambda student, target: make_plan(student, chosen, data, **target)


def _described(criterion: Any) -> Any:
    if callable(criterion) and not isinstance(criterion, (str, Criterion)):
        return getattr(criterion, "__name__", type(criterion).__name__)
    chosen = get_criterion(criterion)
    return {"name": chosen.name, **chosen.get_config()}


def _recovered(recover, slim, teacher, this, data) -> keras.Model:
    if recover is not None:
        return recover(slim, teacher, this) or slim
    return slim if data is None else recalibrate(slim, data)


def _line(this: Round, dense: Any) -> str:
    score = "" if this.score is None else f", score {this.score:.4f}"
    return (
        f"Round {this.number}: {100 * this.params / dense.params:.1f} % of parameters, "
        f"{100 * this.macs / dense.macs:.1f} % of MACs{score} ({this.seconds:.1f} s)"
    )
