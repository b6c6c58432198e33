import pytest
from absl import flags as absl_flags

from ccm_tf import distribute
from ccm_tf.distribute import registry
from tasks import flags, teamwork
from tasks.job import Job
from tasks.stages.stage import Stage
from tests.workers import Worker, together


def test_the_chief_opens_the_folder_and_the_others_see_it(make_settings):
    jobs = [Job(make_settings()), Job(make_settings())]

    def work(index, gather):
        with teamwork.opened(jobs[index], Worker(index, gather), 1):
            return jobs[index].has("run.json")

    assert together(2, work) == [True, True]


def test_a_folder_that_is_not_shared(make_settings, tmp_path, monkeypatch):
    monkeypatch.setattr(teamwork, "_SECONDS", 0)
    jobs = [Job(make_settings()), Job(make_settings(f"--output_dir={tmp_path / 'elsewhere'}"))]

    def work(index, gather):
        with pytest.raises(ValueError, match=r"Worker\(s\) 1 do not see .*all machines share"):
            with teamwork.opened(jobs[index], Worker(index, gather), 1):
                pass

    together(2, work)


@pytest.mark.parametrize("written", ["", "round-01.json"])
def test_workers_that_see_other_files(written, tmp_path, monkeypatch):
    monkeypatch.setattr(teamwork, "_SECONDS", 0)
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
    if written:
        (folders[0] / written).touch()

    def work(index, gather):
        if not written:
            return teamwork.wait_for_same_files(Worker(index, gather), folders[index])
        with pytest.raises(ValueError, match="Not all workers see the same files"):
            teamwork.wait_for_same_files(Worker(index, gather), folders[index])

    together(2, work)


@pytest.mark.parametrize("everybody,expected", [(True, [0, 1]), (False, [0])])
def test_who_runs_a_stage(everybody, expected):
    ran = []

    def work(index, gather):
        stage = Stage("s", "", lambda job: ran.append(index), (), together=everybody)
        teamwork.run(stage, None, Worker(index, gather))

    together(2, work)
    assert sorted(ran) == expected


def test_batches_that_replicas_cannot_share(make_settings):
    teamwork.check_batch_sizes(Job(make_settings()), distribute.Strategy(4))
    with pytest.raises(ValueError, match="3 replicas cannot share a batch of 16 equally"):
        teamwork.check_batch_sizes(Job(make_settings()), distribute.Strategy(3))
    # Of 36 images the third batch of 16 gets four.
    with pytest.raises(ValueError, match="last batch .* holds 4 of 36 images, which 8 replicas"):
        teamwork.check_batch_sizes(Job(make_settings()), distribute.Strategy(8))


def test_the_strategy_comes_from_the_flags(monkeypatch, arguments):
    monkeypatch.setattr(registry, "_RUNNING", [])
    values = absl_flags.FlagValues()
    assert teamwork.start(values).name == "none"
    flags.define(values)
    values(["program", *arguments, "--strategy=horovod"])
    with pytest.raises(ValueError, match="Unknown strategy"):
        teamwork.start(values)


def test_the_strategy_may_change_when_a_run_goes_on(make_settings):
    assert make_settings("--strategy=mirrored").flags == make_settings().flags
