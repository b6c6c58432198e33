"""The rounds of an iteration on disk."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.files import PathLike, atomic_path, write_json
from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rounds import Round

_FORMAT = "ccm_tf.iterate/1"


class RunFolder:
    """An iteration's folder.

    Args:
        model: The dense model.
        folder: The folder, made if missing; `None` keeps nothing.
        settings: JSON-able: what another iteration in the same folder would differ in.

    Raises:
        ValueError: If the folder holds another iteration.
    """

    def __init__(self, model: keras.Model, folder: PathLike | None, settings: dict[str, Any]):
        self.folder = None if folder is None else pathlib.Path(folder)
        self._model = model
        self._settings = json.loads(
            json.dumps({"fingerprint": ChannelGraph(model).fingerprint, **settings}, default=str)
        )
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "iteration.json"
        if path.exists():
            self._check(path)
        else:
            write_json(path, {"format": _FORMAT, **self._settings})

    def _check(self, path: pathlib.Path) -> None:
        found = json.loads(path.read_text(encoding="utf-8"))
        for key, value in self._settings.items():
            if found.get(key) != value:
                raise ValueError(
                    f"Folder '{self.folder}' holds another iteration: its {key} is "
                    f"{found.get(key)!r}, and now it is {value!r}. Choose another folder."
                )

    def dense_score(self, evaluate: Callable[[keras.Model], float] | None) -> float | None:
        """What `evaluate` says of the dense model, asked once."""
        if evaluate is None:
            return None
        path = None if self.folder is None else self.folder / "dense.json"
        if path is not None and path.exists():
            return float(json.loads(path.read_text(encoding="utf-8"))["score"])
        score = float(evaluate(self._model))
        if path is not None:
            write_json(path, {"score": score})
        return score

    def save(self, this: Round, plan: Any, slim: keras.Model) -> None:
        """Keeps a round: its student, its plan, and last what became of it."""
        if self.folder is None:
            return
        with atomic_path(self.folder / f"{this.name}.keras") as temporary:
            slim.save(temporary)
        plan.save(self.folder / f"{this.name}-plan.json")
        # Last, since it says that the round is done.
        write_json(self.folder / f"{this.name}.json", this.to_dict())

    def resume(self) -> tuple[keras.Model | None, list[Round], list[Any]]:
        """The student of the last accepted round on disk, all rounds there, accepted plans."""
        rounds: list[Round] = []
        if self.folder is None:
            return None, rounds, []
        while True:
            path = self.folder / f"round-{len(rounds) + 1:02}.json"
            if not path.exists():
                break
            rounds.append(Round.from_dict(json.loads(path.read_text("utf-8")), self.folder))
        accepted = [one for one in rounds if one.accepted]
        plans = [self._plan(one) for one in accepted]
        if not accepted:
            return None, rounds, plans
        path = self.folder / f"{accepted[-1].name}.keras"
        return keras.models.load_model(path, compile=False), rounds, plans

    def _plan(self, this: Round) -> PruningPlan | None:
        """A round's plan, `None` if it is one of another kind."""
        try:
            return PruningPlan.load(self.folder / f"{this.name}-plan.json")  # type: ignore[operator]
        except ValueError:
            return None
