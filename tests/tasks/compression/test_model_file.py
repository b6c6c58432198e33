import json
import sys
import zipfile

import keras
import numpy as np
import pytest

from tasks.compression.model_file import import_modules, read_model
from tests.tasks.compression.conftest import colours

layers = keras.layers


def with_layer(layer):
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2)(layer(inputs)))


def test_reads_what_was_saved(saved):
    model = colours()
    model.compile("adam", "sparse_categorical_crossentropy")
    read = read_model(saved(model))
    assert not read.compiled
    for ours, theirs in zip(model.get_weights(), read.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.h5", b"", "legacy HDF5 format. Convert it once.*load_model.'net.h5'.*save"),
        ("net.weights.h5", b"", "weights without a model. Build the model in your code"),
        ("net.keras", b"PK not a zip", "not a `.keras` file, or was cut short"),
        ("folder", None, "is a folder. Load the model in the code that built it"),
    ],
)
def test_other_formats(tmp_path, name, content, message):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_model(str(path))


def test_a_saved_model_folder(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="TensorFlow SavedModel, which Keras 3 cannot read back"):
        read_model(str(tmp_path / "net"))


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match="a zip file but holds no Keras model"):
        read_model(str(tmp_path / "net.keras"))


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no model .*nothing.keras"):
        read_model(str(tmp_path / "nothing.keras"))


def test_code_is_refused_with_the_way_out(saved):
    path = saved(with_layer(layers.Lambda(lambda x: 2 * x, name="twice")))
    with pytest.raises(ValueError, match="Python code: the function of the Lambda layer 'twice'"):
        read_model(path)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of somebody's own, with a layer and a subclassed model."""
    (tmp_path / "their_layers.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('theirs')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, inputs):\n"
        "        return 2 * inputs\n"
        "@keras.saving.register_keras_serializable('theirs')\n"
        "class Net(keras.Model):\n"
        "    def __init__(self, **options):\n"
        "        super().__init__(**options)\n"
        "        self.dense = keras.layers.Dense(2)\n"
        "    def call(self, inputs):\n"
        "        return self.dense(inputs)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(keras.saving.get_custom_objects())
    yield "their_layers"
    sys.modules.pop("their_layers", None)
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(before)


def forgotten(module):
    """Imports the module, and forgets what it has registered: as in another process."""
    found = __import__(module)
    for name in [n for n in keras.saving.get_custom_objects() if n.startswith("theirs>")]:
        del keras.saving.get_custom_objects()[name]
    return found


def test_custom_layers_are_named_with_the_flag(saved, module):
    their = forgotten(module)
    path = saved(with_layer(their.Twice()))
    del sys.modules[module]
    with pytest.raises(ValueError, match="needs 'Twice'.*--import=package.module, and decorate"):
        read_model(path)
    import_modules([module])
    assert read_model(path).count_params() == 10


def test_subclassed_models(saved, module):
    their = forgotten(module)
    net = their.Net()
    net(np.zeros((1, 4), "float32"))
    path = saved(net)
    del sys.modules[module]
    with pytest.raises(ValueError, match="subclassed model of class 'Net'.*functional API"):
        read_model(path)


def test_a_module_that_is_not_there():
    with pytest.raises(ValueError, match="--import=no_such_module cannot be imported.*PYTHONPATH"):
        import_modules(["no_such_module"])


def test_what_else_keras_says(saved):
    path = saved(colours())
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    config["config"]["layers"][1]["config"]["filters"] = -3
    files["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="Keras cannot read '.*net.keras': ."):
        read_model(path)
