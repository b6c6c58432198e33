"""Stage `train`: the dense network, trained with CCM-loss."""

import keras

from ccm_tf.files import atomic_path
from tasks.job import Job
from tasks.stages.stage import Stage
from tasks.training import fit


def run(job: Job) -> None:
    """Trains the network, or takes over the model that --dense_model names."""
    settings = job.settings
    if settings.dense_model:
        _take_over(job)
        return
    # Before the network is built: its first weights are random too.
    keras.utils.set_random_seed(settings.seed)
    fit(job, settings.build_network(job.dataset), settings.train, "dense")


def _take_over(job: Job) -> None:
    model = keras.saving.load_model(job.settings.dense_model, compile=False)
    shape, classes = tuple(model.input_shape[1:]), model.output_shape[-1]
    wanted = job.dataset.image_shape, len(job.dataset.classes)
    if (shape, classes) != wanted:
        raise ValueError(
            f"The model in '{job.settings.dense_model}' takes images of shape {shape} and tells "
            f"{classes} classes apart; the data set has {wanted[0]} and {wanted[1]}."
        )
    with atomic_path(job.path("dense.keras")) as temporary:
        model.save(temporary)


TRAIN = Stage(
    "train", "train the dense network with CCM-loss", run, makes=("dense.keras",), together=True
)
