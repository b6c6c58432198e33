"""Fine-tuning with a teacher."""

import keras


@keras.saving.register_keras_serializable(package="ccm_tf")
class Distilled(keras.layers.Layer):
    """Passes a student's logits on and adds what it costs that they differ from a teacher's.

    The loss is Keras's `keras.distillation.LogitsDistillation`: the Kullback-Leibler divergence of
    softened probabilities, times the square of the temperature (Hinton, Vinyals and Dean,
    "Distilling the Knowledge in a Neural Network", 2015, arXiv 1503.02531). It is a layer, unlike
    Keras's own `Distiller`, so that a checkpoint holds the optimizer too and a killed training can
    be resumed.

    Args:
        temperature: Divides logits before the softmax, above 0. Defaults to 3.
        weight: Factor of this loss. Defaults to 0.5.

    Example:

    ```python
    inputs = keras.Input((32, 32, 3))
    logits = Distilled()([student(inputs), teacher(inputs, training=False)])
    model = keras.Model(inputs, logits)
    ```
    """

    def __init__(self, temperature: float = 3.0, weight: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature
        self.weight = weight
        # By its name, Keras 3.15 takes the divergence of the logits themselves.
        divergence = keras.losses.KLDivergence()
        self._distillation = keras.distillation.LogitsDistillation(temperature, divergence)

    def call(self, inputs):
        student, teacher = inputs
        loss = self._distillation.compute_loss(keras.ops.stop_gradient(teacher), student)
        self.add_loss(self.weight * loss)
        return student

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "weight": self.weight,
        }


def taught(
    student: keras.Model, teacher: keras.Model, temperature: float = 3.0, weight: float = 0.5
) -> keras.Model:
    """A model that returns the student's logits and is paid for agreeing with the teacher.

    Args:
        student: A model that returns logits; it is trained.
        teacher: Another for the same inputs, with another name; it is frozen.
        temperature: See `Distilled`.
        weight: See `Distilled`.

    Returns:
        A `keras.Model` with both among its layers.
    """
    teacher.trainable = False
    inputs = keras.Input(student.input_shape[1:], name="image", dtype=student.input.dtype)
    distilled = Distilled(temperature, weight, name="distilled")
    outputs = distilled([student(inputs), teacher(inputs, training=False)])
    return keras.Model(inputs, outputs, name="taught")
