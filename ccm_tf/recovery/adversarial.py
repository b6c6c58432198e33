"""The adversarial game between a student and a discriminator, beside its teacher."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ccm_tf import replicas
from ccm_tf.recovery.adversary import (
    Adversary,
    build_discriminator,
    cross_entropy,
    discriminator_accuracy,
    discriminator_loss,
)
from ccm_tf.recovery.distiller import Distiller
from ccm_tf.recovery.moves import gradients_of
from ccm_tf.recovery.referee import Referee
from ccm_tf.recovery.transfers import AttentionTransfer, LogitsTransfer, Transfer


@keras.saving.register_keras_serializable(package="ccm_tf")
class AdversarialDistiller(Distiller):
    """A distiller whose student also has to deceive a discriminator.

    The discriminator, a shallow dense network with an optimizer of its own, learns to tell the
    teacher's logits from the student's; the student gets a term for every batch in which it is
    found out. In each batch the discriminator moves first, then the student, from one forward
    pass of each model.

    The logs hold, beside the transfers, `d` (the discriminator's loss, 2 ln 2 at chance), `g` (the
    student's term, ln 2 at chance) and `d_accuracy`. If the discriminator wins for several epochs
    a warning says what to try; if a loss becomes NaN the training stops with the weights of the
    last good epoch.

    Args:
        teacher: As for `Distiller`.
        student: As for `Distiller`.
        transfers: As for `Distiller`. Defaults to `None`: attention at the ends of stages and
            logits at temperature 20.
        student_loss_weight: As for `Distiller`. Defaults to 0.5.
        adversary: An `Adversary`, or its fields as a dict. Defaults to `None`: `Adversary()`.
        discriminator: A model of earlier rounds that plays on. Defaults to `None`: a new one.

    Example:

    ```python
    distiller = ccm_tf.recovery.AdversarialDistiller(teacher=model, student=slim)
    distiller.compile("adam", loss, metrics=["accuracy"])
    distiller.fit(images, labels, epochs=10)
    ```

    Reference:
        Chang, Lu, Xue, Xu and Wei, "AIP: Adversarial Iterative Pruning Based on Knowledge Transfer
        for Convolutional Neural Networks", 2021, arXiv 2108.13591.
    """

    def __init__(
        self,
        teacher: keras.Model,
        student: keras.Model,
        transfers: Sequence[Transfer] | None = None,
        student_loss_weight: float = 0.5,
        adversary: Adversary | dict[str, Any] | None = None,
        discriminator: keras.Model | None = None,
        **kwargs: Any,
    ):
        if transfers is None:
            transfers = [LogitsTransfer(temperature=20.0), AttentionTransfer()]
        kwargs.setdefault("name", "adversarial_distiller")
        super().__init__(teacher, student, transfers, student_loss_weight, **kwargs)
        settings = adversary if isinstance(adversary, dict) else {}
        self.adversary = adversary if isinstance(adversary, Adversary) else Adversary(**settings)
        outputs = keras.tree.flatten(student.outputs)
        if not 0 <= self.adversary.output < len(outputs):
            raise ValueError(
                f"The student has {len(outputs)} output(s). Received: "
                f"Adversary(output={self.adversary.output})."
            )
        shape = outputs[self.adversary.output].shape[1:]
        with replicas.scope_of(student):
            self.discriminator = discriminator or build_discriminator(shape, self.adversary)
            self._game_trackers = {
                name: keras.metrics.Mean(name=name) for name in ("d", "g", "d_accuracy")
            }
        taken = self.discriminator.input_shape[1:]
        if len(taken) != len(shape) or taken[-1] != shape[-1]:
            raise ValueError(
                f"The discriminator must take logits of shape {tuple(shape)}. Received one for "
                f"inputs of shape {tuple(taken)}."
            )

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        discriminator_optimizer: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.compile`.

        Args:
            optimizer: The student's.
            loss: The student's supervised loss, if there are labels.
            metrics: The student's metrics.
            discriminator_optimizer: The discriminator's. Defaults to `None`: Adam at 5e-4 with a
                weight decay of 1e-4.
            **kwargs: Further arguments of `keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)
        if discriminator_optimizer is None:
            discriminator_optimizer = keras.optimizers.Adam(5e-4, weight_decay=1e-4)
        with replicas.scope_of(self.student):
            # A plain tuple hides the optimizer from Keras, which would take it for a layer's
            # part; its variables are tracked, so that they are saved and, on JAX, carried along.
            self._discriminator_optimizer = (keras.optimizers.get(discriminator_optimizer),)
            self._discriminator_optimizer[0].build(self.discriminator.trainable_variables)
        self._discriminator_state = list(self._discriminator_optimizer[0].variables)

    @property
    def discriminator_optimizer(self) -> keras.optimizers.Optimizer:
        return self._discriminator_optimizer[0]

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        config["discriminator_optimizer"] = keras.saving.serialize_keras_object(
            self.discriminator_optimizer
        )
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    # Its only own variables are the discriminator's optimizer's, which is saved as an optimizer.
    def save_own_variables(self, store: Any) -> None:
        pass

    def load_own_variables(self, store: Any) -> None:
        pass

    def game(self, teacher_logits: list[Any], student_logits: list[Any]) -> Any:
        """One step of the discriminator, then the student's term."""
        place = self.adversary.output
        real = ops.stop_gradient(teacher_logits[place])
        fake = student_logits[place]
        self._move(real, ops.stop_gradient(fake))
        term = cross_entropy(self.discriminator(fake, training=False), True)
        self._game_trackers["g"].update_state(ops.stop_gradient(term))
        return self.adversary.weight * term

    def _move(self, real: Any, fake: Any) -> None:
        variables = self.discriminator.trainable_variables

        def loss(run):
            verdicts = run(real), run(fake)
            return discriminator_loss(*verdicts) / replicas.count(), verdicts

        value, verdicts, gradients = gradients_of(self.discriminator, loss)
        # Each replica has its part of the mean; all must rest, or none.
        value = replicas.all_reduce_sum(value)
        self._game_trackers["d"].update_state(value)
        self._game_trackers["d_accuracy"].update_state(discriminator_accuracy(*verdicts))
        optimizer = self.discriminator_optimizer
        state = [*variables, *optimizer.variables]
        before = [ops.copy(v) for v in state] if self.adversary.skip_below else ()
        optimizer.apply(gradients, variables)
        rests = value < self.adversary.skip_below
        for variable, old in zip(state, before, strict=False):
            variable.assign(ops.where(rests, old, ops.convert_to_tensor(variable)))

    def training_metrics(self) -> list[keras.metrics.Metric]:
        return [*super().training_metrics(), *self._game_trackers.values()]

    def training_callbacks(self) -> list[keras.callbacks.Callback]:
        """An eye on both players."""
        return [Referee(fixed=self.teacher.variables)]

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As `keras.Model.fit`, with an eye on both players."""
        callbacks = kwargs.pop("callbacks", None)
        return super().fit(*args, callbacks=_and(callbacks, self.training_callbacks()), **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "adversary": dataclasses.asdict(self.adversary),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        config["discriminator"] = keras.saving.deserialize_keras_object(config["discriminator"])
        return super().from_config(config, custom_objects=custom_objects)


def _and(callbacks: Any, more: list[keras.callbacks.Callback]) -> Any:
    """The callbacks of `fit` and some more."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        for one in more:
            callbacks.append(one)
        return callbacks
    return [*keras.tree.flatten(callbacks or []), *more]
