"""A report as the stages write it, made by hand."""

import pytest


@pytest.fixture
def report():
    dense = {"accuracy": 0.98, "params": 943_322, "macs": 19_924_224, "bytes": 3_770_000}
    small = {"accuracy": 0.97, "params": 172_500, "macs": 4_959_117, "bytes": 696_000}
    records = [
        {
            "epoch": i,
            "loss": 2.0 / i,
            "accuracy": 0.3 * i,
            "val_accuracy": 0.25 * i,
            "S": 0.4 + 0.1 * i,
            "S_of": {"relu1": 0.5, "relu2": 0.3 + 0.2 * i},
            "learning_rate": 0.1,
            "seconds": 1.0,
        }
        for i in (1, 2, 3)
    ]
    return {
        "title": "VGG-16 on digits, pruned",
        "story": "Width 0.25. Trained with CCM-loss over mean_map at weight 0.01",
        "credits": "CCM-loss: Wang et al., arXiv 2310.06344.",
        "dense": {**dense, "latency_ms": 0.44},
        "pruned": {**small, "accuracy": 0.415, "latency_ms": 0.153},
        "finetuned": {**small, "latency_ms": 0.152},
        "tflite": {**small, "latency_ms": 0.152},
        "how": {"accuracy": "test images", "bytes": "file", "latency_ms": "one thread"},
        "sliced": {"accuracy": 0.1},
        "plan": {"criterion": {"name": "pca"}, "target": {"macs": 0.25}},
        "layers": [
            {
                "layers": ["conv1", "conv3"],
                "width": 8,
                "kept": 3,
                "frozen": 0,
                "reasons": [],
            },
            {
                "layers": ["<logits>"],
                "width": 4,
                "kept": 4,
                "frozen": 4,
                "reasons": ["'logits' is an output of the model"],
            },
        ],
        "groups": [
            {
                "name": "conv1",
                "width": 8,
                "kept": 3,
                "scores": [5.0, 2.0, 1.0, 0.5, 0.3, 0.1, 0.1, 0.0],
            }
        ],
        "history": {"dense": records, "finetuned": records[:2]},
        "run": {
            "flags": {
                "network": "vgg16",
                "dataset": "digits",
                "width": 0.25,
                "ccm_over": "mean_map",
                "ccm_weight": 0.01,
                "energy": None,
            },
            "images": "100 training images",
            "mean": [0.3, 0.3, 0.3],
            "std": [0.35, 0.35, 0.35],
            "keras": "3.15.1",
            "backend": "tensorflow",
        },
    }
