"""Stage `finetune` of a compression: trained on with the labels, and with a teacher if asked."""

import keras

from ccm_tf.recovery import Distiller, LogitsTransfer
from tasks.job import Job
from tasks.outputs import Outputs
from tasks.settings import Training
from tasks.stages.rewrite import recalibrated
from tasks.stages.stage import Stage
from tasks.training import fit

# Names of the models around the pruned and the dense one that return logits.
_STUDENT, _TEACHER = "student", "teacher"


def run(job: Job) -> None:
    """Trains the pruned model and saves it in the form in which it came."""

    def compiled(model: keras.Model, training: Training, schedule) -> keras.Model:
        model = _learner(job, model)
        model.compile(
            keras.optimizers.Adam(schedule),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model

    def finished(trained: keras.Model) -> keras.Model:
        model = keras.saving.load_model(job.path("pruned.keras"), compile=False)
        student = trained if job.settings.teacher == "none" else trained.student
        # The first layer behind the input is the pruned model itself.
        model.set_weights(student.layers[1].get_weights())
        # A short training leaves the moving averages behind, far behind at momentum 0.999.
        return recalibrated(model, job)

    fit(job, "pruned.keras", job.settings.finetune, "finetuned", compiled, finished)


def _learner(job: Job, model: keras.Model) -> keras.Model:
    student = Outputs.of(model).logits(model, _STUDENT)
    if job.settings.teacher == "none":
        return student
    dense = keras.saving.load_model(job.path("dense.keras"), compile=False)
    teacher = Outputs.of(dense).logits(dense, _TEACHER)
    kd = LogitsTransfer(weight=0.5, temperature=job.settings.temperature)
    return Distiller(teacher, student, [kd], student_loss_weight=0.5)


FINETUNE = Stage(
    "finetune",
    "fine-tune the pruned model",
    run,
    makes=("finetuned.keras",),
    needs=("pruned.keras",),
    together=True,
)
