"""Reading a model that somebody else saved."""

import importlib
import json
import pathlib
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import keras

_OWN_MODELS = frozenset({"Functional", "Sequential", "Model"})


def import_modules(names: Sequence[str]) -> None:
    """Imports the modules that register custom layers, losses and functions.

    Args:
        names: Names of modules, as in an `import` statement.

    Raises:
        ValueError: If one cannot be imported.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ValueError(
                f"--import={name} cannot be imported: {error}. Start the program in the folder "
                "that the module lies in, or put that folder into PYTHONPATH."
            ) from error


def read_model(path: str) -> keras.Model:
    """Reads a `.keras` file without running code that lies in it.

    Args:
        path: The file.

    Returns:
        The model, not compiled.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another format, holds code, or needs classes that are not registered;
            the message says how to go on.
    """
    file = pathlib.Path(path)
    if not file.exists():
        raise FileNotFoundError(
            f"There is no model '{path}'. Expected a file that `model.save('net.keras')` wrote."
        )
    _refuse_other_formats(file)
    config = _config(file)
    _refuse_code(file, config)
    try:
        with warnings.catch_warnings():
            # Whatever the model was compiled with is not used.
            warnings.simplefilter("ignore")
            return keras.saving.load_model(file, compile=False)
    except (TypeError, ValueError, ImportError, AttributeError, KeyError) as error:
        raise ValueError(_why_not(file, config, str(error))) from error


def _refuse_other_formats(file: pathlib.Path) -> None:
    if file.is_dir():
        saved = (file / "saved_model.pb").is_file()
        what = "a TensorFlow SavedModel, which Keras 3 cannot read back as layers" if saved else ""
        raise ValueError(
            f"'{file}' is {what or 'a folder'}. Load the model in the code that built it and save "
            "it with `model.save('net.keras')`."
        )
    if file.name.endswith(".weights.h5"):
        raise ValueError(
            f"'{file}' holds weights without a model. Build the model in your code, call "
            f"`model.load_weights('{file.name}')`, and save it with `model.save('net.keras')`."
        )
    if file.suffix in (".h5", ".hdf5"):
        raise ValueError(
            f"'{file}' is in Keras's legacy HDF5 format. Convert it once: "
            f"`keras.saving.load_model('{file.name}').save('net.keras')`, with the Keras that "
            "wrote it if this one cannot."
        )
    if not zipfile.is_zipfile(file):
        raise ValueError(
            f"'{file}' is not a `.keras` file, or was cut short. Save the model again with "
            "`model.save('net.keras')`."
        )


def _config(file: pathlib.Path) -> Any:
    with zipfile.ZipFile(file) as archive:
        try:
            return json.loads(archive.read("config.json"))
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"'{file}' is a zip file but holds no Keras model. Save the model again with "
                "`model.save('net.keras')`."
            ) from error


def _refuse_code(file: pathlib.Path, config: Any) -> None:
    for layer in _objects(config):
        function = (layer.get("config") or {}).get("function")
        code = isinstance(function, dict) and function.get("class_name") == "__lambda__"
        if layer.get("class_name") == "Lambda" and code:
            name = layer["config"].get("name", "lambda")
            raise ValueError(
                f"'{file}' holds Python code: the function of the Lambda layer '{name}'. Loading "
                "it would run whatever is in there, so it is refused. In the code that built the "
                "model, use `keras.ops` or a layer class decorated with "
                "`@keras.saving.register_keras_serializable()` instead, save again, and name the "
                "module of the class with --import."
            )


def _objects(value: Any) -> Iterator[dict]:
    """Every serialised object in a config, outer ones first."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _why_not(file: pathlib.Path, config: Any, said: str) -> str:
    name = config.get("class_name")
    missing = re.search(r"Could not locate (?:class|function) '([^']+)'", said)
    if missing and missing[1] == name and name not in _OWN_MODELS:
        return (
            f"'{file}' holds a subclassed model of class '{name}'. Its layers are connected by "
            "Python code, which cannot be read. Build it with the functional API in your code: "
            "`inputs = keras.Input(shape); model = keras.Model(inputs, your_model.call(inputs))`, "
            "and save that."
        )
    if missing:
        return (
            f"'{file}' needs '{missing[1]}', which is not registered here. Name the module that "
            f"defines it, --import=package.module, and decorate '{missing[1]}' there with "
            "`@keras.saving.register_keras_serializable()`."
        )
    return f"Keras cannot read '{file}': {said.strip().splitlines()[-1] if said else 'no reason'}"
