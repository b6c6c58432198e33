"""Training one network so that it can be killed at any time and resumed."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

import ccm_tf
from ccm_tf import distribute
from ccm_tf.files import atomic_path
from tasks.batches import EpochSetter
from tasks.callbacks import EpochBar, FiniteLoss, Recorder, resumed
from tasks.job import Job
from tasks.l2 import with_l2
from tasks.settings import Training


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

    Writes `<name>_checkpoint.keras` and `<name>_history.json` after every epoch. Under a strategy
    of several replicas batch normalisation is synchronised while it trains, and all workers check
    that they start from the same weights.

    Args:
        job: The run.
        start: The untrained network, or the name of a `.keras` file of the run.
        training: How to train it.
        name: "dense" or "finetuned": the result is `<name>.keras`.
        prepare: `prepare(network, training, schedule)` returns what is trained. Defaults to
            `compiled`.
        finish: From what was trained to what is saved. Defaults to `plain`.
        callbacks: Further callbacks, which come before the checkpoint is written.

    Raises:
        FloatingPointError: If the loss becomes NaN. The last checkpoint stays.
    """
    prepare, finish = prepare or compiled, finish or plain
    checkpoint, history = job.path(f"{name}_checkpoint.keras"), job.path(f"{name}_history.json")
    batches = job.dataset.batches("train", training.batch_size, job.settings.seed)
    schedule = training.make_schedule(len(batches))
    keras.utils.set_random_seed(job.settings.seed)
    strategy = distribute.current()
    with strategy.scope():
        if checkpoint.is_file() and not _older(checkpoint, start, job):
            model, records = resumed(checkpoint, history, len(batches))
            if strategy.synchronises:
                # The checkpoint may be from a run on one device.
                distribute.synchronise(model)
            print(f"Going on after epoch {len(records)} of {training.epochs}.", flush=True)
        else:
            base = _loaded(start, job)
            if strategy.synchronises:
                base = distribute.synchronised(base)
            model, records = prepare(base, training, schedule), []
    if strategy.workers > 1:
        distribute.check_same_model(model, strategy)
    if strategy.synchronises:
        # XLA cannot compile what the replicas of a strategy exchange.
        model.jit_compile = False
    batches.epoch = len(records)
    if len(records) < training.epochs:
        data, steps = _readable(batches, strategy, len(records), training.epochs)
        strategy.fit(
            model,
            data,
            steps_per_epoch=steps,
            initial_epoch=len(records),
            epochs=training.epochs,
            **_validation(job, strategy),
            callbacks=[
                EpochSetter(batches),
                FiniteLoss(_advice(training, checkpoint)),
                EpochBar(),
                *callbacks,
                *_tensorboard(job, name),
                Recorder(checkpoint, history, records, schedule),
            ],
            # `Batches` shuffles by itself; Keras would change the order anew in every process.
            shuffle=False,
            verbose=0,
        )
    trained = distribute.synchronised(finish(model), False)
    with atomic_path(job.path(f"{name}.keras")) as temporary:
        trained.save(temporary)
    if strategy.chief:
        checkpoint.unlink(missing_ok=True)
    # What follows may read the file.
    strategy.barrier()


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
    batches: Any, strategy: distribute.Strategy, first: int, epochs: int
) -> tuple[Any, int | None]:
    """What `fit` reads, and the steps of an epoch where what it reads does not say."""
    if not hasattr(batches, "stream"):
        return batches, None
    return batches.stream(strategy, first, epochs), len(batches)


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
        f"Training stops; '{checkpoint}' holds the last good epoch, if there was one. Start again "
        f"in another --output_dir with {' or '.join(tries)}."
    )
