import os

import pytest

from tasks.job import Job
from tasks.stages.stage import Stage

STAGE = Stage("mix", "mix it", lambda job: None, makes=("out",), needs=("in",), uses=("extra",))


@pytest.fixture
def job(make_settings):
    job = Job(make_settings())
    job.folder.mkdir()
    return job


def put(job, name, age):
    job.path(name).write_text("")
    os.utime(job.path(name), (1000 + age, 1000 + age))


@pytest.mark.parametrize(
    "ages,done",
    [
        ({"in": 1}, False),
        ({"in": 1, "out": 2}, True),
        ({"in": 1, "out": 1}, True),
        ({"in": 3, "out": 2}, False),
        ({"in": 1, "extra": 1, "out": 2}, True),
        ({"in": 1, "extra": 3, "out": 2}, False),
    ],
)
def test_done_if_newer_than_what_it_was_made_from(job, ages, done):
    for name, age in ages.items():
        put(job, name, age)
    assert STAGE.done(job) is done
