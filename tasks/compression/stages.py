"""The stages of a compression."""

import dataclasses
import os
from collections.abc import Sequence

from tasks.compression.finetune import FINETUNE
from tasks.compression.settings import Compression
from tasks.compression.take import TAKE
from tasks.stages.export import EXPORT
from tasks.stages.report import REPORT
from tasks.stages.rewrite import REWRITE
from tasks.stages.select import SELECT
from tasks.stages.stage import Stage


def stages_of(settings: Compression, dry_run: bool = False) -> Sequence[Stage]:
    """The stages that a compression consists of, in order.

    Args:
        settings: What to compute.
        dry_run: Stop after the plan. Defaults to `False`.
    """
    # Files outside the output folder count too: a newer model or plan is taken over anew.
    take = dataclasses.replace(TAKE, needs=(os.path.abspath(settings.model),))
    plan = settings.selection.plan
    given = (os.path.abspath(plan),) if plan else ()
    select = dataclasses.replace(
        SELECT,
        title="take the plan over" if plan else SELECT.title,
        needs=(*SELECT.needs, *given),
    )
    if dry_run:
        return take, select
    finetune = () if settings.finetune is None else (FINETUNE,)
    return take, select, REWRITE, *finetune, EXPORT, REPORT
