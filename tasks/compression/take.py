"""Stage `take`: a copy of the model in the output folder."""

from ccm_tf.files import atomic_path
from tasks.compression.job import CompressionJob
from tasks.stages.stage import Stage


def run(job: CompressionJob) -> None:
    """Writes the model that everything else starts from."""
    with atomic_path(job.path("dense.keras")) as temporary:
        job.model.save(temporary)


TAKE = Stage("take", "take the model over", run, makes=("dense.keras",))
