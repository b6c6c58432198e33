"""Training one network so that it can be killed at any time and resumed."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras

import ccm_tf
from ccm_tf import distribute
from ccm_tf.files import atomic_path
from tasks.batches import EpochSetter, Rest
from tasks.callbacks import EpochBar, FiniteLoss, Recorder, resumed
from tasks.job import Job
from tasks.l2 import with_l2
from tasks.preemption import PREEMPTION
from tasks.settings import Training
from tasks.step_checkpoints import StepCheckpoints


def fit(
    job: Job,
    start: str | keras.Model,
    training: Training,
    name: str,
    prepare: Callable[..., keras.Model] | None = None,
    finish: Callable[[keras.Model], keras.Model] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Trains a network, from where an earlier process left it, and saves the plain model.

    Writes `<name>_checkpoint.keras` and `<name>_history.json` after every epoch, and the first of
    them every `training.checkpoint_steps` steps too, and when SIGTERM asks the process to end.
    Under a strategy of several replicas batch normalisation is synchronised while it trains, and
    all workers check that they start from the same weights.

    Args:
        job: The run.
        start: The untrained network, or the name of a `.keras` file of the run.
        training: How to train it.
        name: "dense" or "finetuned": the result is `<name>.keras`.
        prepare: `prepare(network, training, schedule)` returns what is trained. Defaults to
            `compiled`.
        finish: From what was trained to what is saved. Defaults to `plain`.
        callbacks: Further callbacks, which come before the checkpoint is written. A training that
            is taken up within an epoch tells them of the epoch's beginning once more.

    Raises:
        FloatingPointError: If the loss becomes NaN. The last checkpoint stays.
        Preempted: After SIGTERM, once the checkpoint is written.
    """
    checkpoint, history = job.path(f"{name}_checkpoint.keras"), job.path(f"{name}_history.json")
    batches = job.dataset.batches("train", training.batch_size, job.settings.seed)
    schedule = training.make_schedule(len(batches))
    keras.utils.set_random_seed(job.settings.seed)
    strategy = distribute.current()
    with strategy.scope():
        if checkpoint.is_file() and not _older(checkpoint, start, job):
            model, records, done = resumed(checkpoint, history, len(batches))
            # The checkpoint may be from a run on more or fewer devices.
            distribute.synchronise(model, strategy.synchronises)
            print(f"Going on after {_place(len(records), training.epochs, done)}.", flush=True)
        else:
            base = _loaded(start, job)
            if strategy.synchronises:
                base = distribute.synchronised(base)
            model, records, done = (prepare or compiled)(base, training, schedule), [], 0
    _ready(model, strategy)
    recorder = Recorder(checkpoint, history, records, schedule, done)
    finite = FiniteLoss(_advice(training, checkpoint))
    listeners = [EpochSetter(batches), finite, EpochBar(), *callbacks, *_tensorboard(job, name)]
    listeners += [recorder, StepCheckpoints(recorder, finite, training.checkpoint_steps, done)]
    with PREEMPTION.patient():
        _fit_on(job, model, batches, (len(records), training.epochs, done), listeners)
    trained = distribute.synchronised((finish or plain)(model), False)
    with atomic_path(job.path(f"{name}.keras")) as temporary:
        trained.save(temporary)
    if strategy.chief:
        checkpoint.unlink(missing_ok=True)
    # What follows may read the file.
    strategy.barrier()


def _ready(model: keras.Model, strategy: distribute.Strategy) -> None:
    """Makes sure that all workers start from the same model, and that it can be compiled."""
    if strategy.workers > 1:
        distribute.check_same_model(model, strategy)
    if strategy.synchronises:
        # XLA cannot compile what the replicas of a strategy exchange.
        model.jit_compile = False


def _fit_on(job: Job, model, batches, span: tuple[int, int, int], listeners) -> None:
    """Trains from an epoch to another, without the steps of the first one that are done."""
    strategy = distribute.current()
    first, epochs, done = span
    # The rest of an epoch is a training of its own: the epochs of one have equally many steps.
    parts = [(first, first + 1, done), (first + 1, epochs, 0)] if done else [(first, epochs, 0)]
    for begin, end, skipped in parts:
        if begin == end:
            continue
        batches.epoch = begin
        data, steps = _readable(batches, strategy, begin, end, skipped)
        with warnings.catch_warnings():
            if skipped:
                # What prunes by a schedule takes this for the whole training.
                warnings.filterwarnings("ignore", "The schedule prunes .* but training ends")
            strategy.fit(
                model,
                data,
                steps_per_epoch=steps,
                initial_epoch=begin,
                epochs=end,
                **_validation(job, strategy),
                callbacks=listeners,
                # `Batches` shuffles by itself; Keras would change the order in every process.
                shuffle=False,
                verbose=0,
            )


def _place(epochs: int, of: int, steps: int) -> str:
    """How far an earlier process came."""
    if not steps:
        return f"epoch {epochs} of {of}"
    return f"step {steps} of epoch {epochs + 1} of {of}"


def compiled(model: keras.Model, training: Training, schedule) -> keras.Model:
    """A copy of a network, ready for `fit`: penalties, CCM-loss, optimizer, metrics.

    Args:
        model: A functional model that returns logits.
        training: How to train it.
        schedule: Learning rate, or a schedule of it.

    Returns:
        A compiled `ccm_tf.Model`.
    """
    model = ccm_tf.Model.from_model(with_l2(model, training.l2))
    for layer in ccm_tf.feature_layers(model):
        loss = ccm_tf.CCMLoss(layer, weight=training.ccm_weight, over=training.ccm_over)
        model.add_loss(loss)
    model.compile(
        keras.optimizers.SGD(schedule, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def plain(model: keras.Model) -> keras.Model:
    """The network alone, without losses and optimizer; it shares the layers."""
    return keras.Model(model.input, model.output, name=model.name)


def _loaded(start: str | keras.Model, job: Job) -> keras.Model:
    if isinstance(start, str):
        return keras.saving.load_model(job.path(start), compile=False)
    return start


def _older(checkpoint, start, job: Job) -> bool:
    """Whether the checkpoint comes from another starting point than the one that is there now."""
    if not isinstance(start, str):
        return False
    return checkpoint.stat().st_mtime_ns < job.path(start).stat().st_mtime_ns


def _validation(job: Job, strategy: distribute.Strategy) -> dict[str, Any]:
    if job.dataset.validation is None:
        return {}
    batches = job.dataset.batches("validation", job.settings.images_per_pass)
    data, steps = _readable(batches, strategy, 0, 1)
    return {"validation_data": data, "validation_steps": steps}


def _readable(
    batches: Any, strategy: distribute.Strategy, first: int, epochs: int, done: int = 0
) -> tuple[Any, int | None]:
    """What `fit` reads, and the steps of an epoch where what it reads does not say."""
    if not hasattr(batches, "stream"):
        return Rest(batches, done) if done else batches, None
    return batches.stream(strategy, first, epochs, done), len(batches) - done


def _tensorboard(job: Job, name: str) -> list[keras.callbacks.Callback]:
    if keras.backend.backend() != "tensorflow":
        print(f"No TensorBoard summaries: Keras runs on {keras.backend.backend()}.", flush=True)
        return []
    if not distribute.current().chief:
        return []
    folder = job.path("tensorboard") / name
    return [keras.callbacks.TensorBoard(str(folder), write_graph=False)]


def _advice(training: Training, checkpoint) -> str:
    tries = [f"a smaller --learning_rate (now {training.learning_rate})"]
    if training.ccm_weight:
        tries.append(f"a smaller --ccm_weight (now {training.ccm_weight})")
    if training.schedule == "warmup_cosine":
        tries.append(f"more --warmup_epochs (now {training.warmup_epochs})")
    return (
        f"Training stops; '{checkpoint}' holds the last good weights, if there are any. Start "
        f"again in another --output_dir with {' or '.join(tries)}."
    )
