import functools

import pytest

from benchmarks.accuracy.matrix import PATH, load_cells
from benchmarks.accuracy.shorter import shorter
from benchmarks.accuracy.training import compile_for

PAPER = PATH.with_name("paper.toml")


def test_epochs_and_images_become_fewer():
    recipe = {"epochs": 400, "batch_size": 256}
    step = {"epochs": 200, "begin": 21, "until": 147, "prunings": 6}
    matrix = {
        "datasets": {"drawn": {"loader": "image_folder"}},
        "recipes": {"long": recipe},
        "steps": {"frs": step, "finetune": {"steps": 400}},
        "experiments": [],
    }
    found = shorter(matrix, epochs=0.005, images=100)
    assert found["recipes"]["long"] == {"epochs": 2, "batch_size": 256}
    assert found["steps"]["frs"] == {"epochs": 1, "begin": 0, "until": 1, "prunings": 6}
    assert found["steps"]["finetune"] == {"steps": 400}
    assert found["datasets"]["drawn"] == {"loader": "image_folder", "images": 100}
    half = shorter(matrix, epochs=0.5)["steps"]["frs"]
    assert (half["epochs"], half["begin"], half["until"]) == (100, 10, 74)
    assert recipe["epochs"] == 400 and shorter(matrix) == matrix


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"epochs": 1.5}, {"images": 0}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ValueError, match="Received: epochs="):
        shorter({}, **wrong)


def test_cells_of_a_shorter_matrix_are_others(tiny_matrix):
    long, short = (
        load_cells(tiny_matrix, functools.partial(shorter, epochs=share)) for share in (1.0, 0.3)
    )
    assert [cell.id for cell in long] == [cell.id for cell in load_cells(tiny_matrix)]
    assert [cell.labels for cell in long] == [cell.labels for cell in short]
    assert not {cell.id for cell in long} & {cell.id for cell in short}


def test_every_schedule_of_the_paper_can_be_short():
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    for cell in load_cells(PAPER, functools.partial(shorter, epochs=0.005)):
        for recipe in (cell.steps[0]["recipe"], *cell.steps[1:]):
            if "epochs" in recipe:
                compile_for(model, recipe, 6 * recipe["epochs"])
