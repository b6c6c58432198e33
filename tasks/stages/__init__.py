"""The stages of a run, in order. To add one, write a file and put its `Stage` here."""

from tasks.stages.export import EXPORT
from tasks.stages.finetune import FINETUNE
from tasks.stages.report import REPORT
from tasks.stages.rewrite import REWRITE
from tasks.stages.select import SELECT
from tasks.stages.stage import Stage
from tasks.stages.train import TRAIN

STAGES: tuple[Stage, ...] = (TRAIN, SELECT, REWRITE, FINETUNE, EXPORT, REPORT)

__all__ = ["STAGES", "Stage"]
