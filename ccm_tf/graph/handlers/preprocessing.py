"""Layers through which channels are kept on purpose."""

import keras
from keras import layers

from ccm_tf.graph.registry import register_frozen

_NAMES = """
AugMix AutoContrast CategoryEncoding ContrastLimitedAdaptiveHistogramEqualization CutMix
Discretization Equalization HashedCrossing Hashing IntegerLookup MaxNumBoundingBoxes MelSpectrogram
MixUp Pipeline RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter
RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom STFTSpectrogram
Solarization StringLookup TextVectorization
""".split()

# Which of them exist depends on the release of Keras.
register_frozen(
    "prepares inputs, whose channels are the data's",
    *(getattr(keras.layers, name) for name in _NAMES if hasattr(keras.layers, name)),
)
register_frozen(
    "runs code of another framework, which cannot be read",
    layers.FlaxLayer,
    layers.JaxLayer,
    layers.TFSMLayer,
    layers.TorchModuleWrapper,
)
register_frozen("runs a Python function, which cannot be read", layers.Lambda)
register_frozen(
    "is a cell or an abstract class: it gets its meaning from the layer around it",
    layers.GRUCell,
    layers.InputLayer,
    layers.LSTMCell,
    layers.Layer,
    layers.SimpleRNNCell,
    layers.Wrapper,
)
register_frozen(
    "shares its table with the output of the model",
    *(getattr(layers, name) for name in ("ReversibleEmbedding",) if hasattr(layers, name)),
)
register_frozen("divides a kernel by its largest singular value", layers.SpectralNormalization)
