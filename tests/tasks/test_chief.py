import pytest

from ccm_tf import distribute
from tasks.chief import chief_says
from tests.workers import Worker, together


def test_the_chiefs_answer_is_everybodys():
    def work(index, gather):
        return chief_says(Worker(index, gather), lambda: [index, "chief"])

    assert together(2, work) == [[0, "chief"]] * 2


def test_the_chiefs_error_stops_everybody():
    def fail():
        raise ValueError("no images")

    def work(index, gather):
        error = ValueError if index == 0 else RuntimeError
        with pytest.raises(error, match="no images"):
            chief_says(Worker(index, gather), fail)

    together(2, work)


def test_alone_the_function_is_just_called():
    assert chief_says(distribute.Strategy(), lambda: "it") == "it"
