"""Reports made by hand, with something for every section."""

import copy

import numpy as np

from ccm_tf.reporting.content import FORMAT, Content, with_stages
from ccm_tf.reporting.content import stages as in_order
from ccm_tf.reporting.correlations import Correlation, as_values

_DENSE = {"params": 943_322, "macs": 19_924_224, "bytes": 3_770_000}
_SMALL = {"params": 172_500, "macs": 4_959_117, "bytes": 696_000}
# A stem and blocks whose outputs are added to the stream, as in a small ResNet.
BLOCKS = 9


def stages():
    """From dense to int8."""
    rows = [
        {"name": "dense", "title": "dense", **_DENSE, "accuracy": 0.98, "latency_ms": 0.44},
        {"name": "pruned", "title": "pruned", **_SMALL, "accuracy": 0.415, "latency_ms": 0.153},
        {"name": "finetuned", "title": "fine-tuned", **_SMALL, "accuracy": 0.97},
        {"name": "tflite", "title": "LiteRT file", **_SMALL, "accuracy": 0.97, "latency_ms": 0.152},
        {"name": "int8", "title": "int8 file", **_SMALL, "accuracy": 0.968, "bytes": 190_000},
    ]
    rows[2]["latency_ms"], rows[4]["latency_ms"] = 0.152, 0.071
    return rows


def history():
    """Two trainings of three and of two epochs."""
    records = [
        {
            "epoch": i,
            "loss": 2.25 / i**2,
            "accuracy": 0.3 * i,
            "val_accuracy": 0.25 * i,
            "S": 0.4 + 0.1 * i,
            "S_of": {"relu1": 0.5, "relu2": 0.3 + 0.2 * i},
            "learning_rate": 0.1,
            "seconds": 1.0,
        }
        for i in (1, 2, 3)
    ]
    return {"dense": records, "finetuned": records[:2]}


def network():
    """A stem, and blocks of two convolutions with shortcuts."""
    nodes = [_node("image", "Input", 3, 3, size=[32, 32]), _node("stem", "Conv2D", 16, 9)]
    edges = [[0, 1]]
    for block in range(1, BLOCKS + 1):
        start, width = len(nodes), 16 * (1 + block // 4)
        side = [32 >> (block // 4)] * 2
        nodes += [
            _node(f"stage{1 + block // 4}_block{block}_conv1", "Conv2D", width, block, side),
            _node(f"stage{1 + block // 4}_block{block}_conv2", "Conv2D", width, 9, side),
            {**_node(f"add{block}", "Add", width, 9, side), "merge": True},
        ]
        edges += [[start - 1, start], [start, start + 1], [start + 1, start + 2]]
        edges.append([start - 1, start + 2])
    nodes.append({**_node("<logits>", "Dense", 10, 10, []), "frozen": True})
    edges.append([len(nodes) - 2, len(nodes) - 1])
    return {"nodes": nodes, "edges": edges}


def _node(name, kind, width, kept, size=(32, 32)):
    return {
        "name": name,
        "kind": kind,
        "width": width,
        "kept": kept,
        "frozen": False,
        "size": list(size),
    }


def matrices():
    """One layer before and after."""
    before = Correlation("relu1", np.eye(8), 0.125, 8)
    return [(before, Correlation("relu1", np.eye(3), 0.333, 3))]


def values():
    """A run of a program that trains, prunes, fine-tunes and exports."""
    return {
        "format": FORMAT,
        "title": "VGG-16 on digits, pruned",
        "story": "Width 0.25. Trained with CCM-loss over mean_map at weight 0.01",
        "credits": "CCM-loss: Wang et al., arXiv 2310.06344.",
        **with_stages(stages()),
        "how": {"accuracy": "test images", "bytes": "file", "latency_ms": "one thread"},
        "sliced": {"accuracy": 0.1},
        "plan": {"criterion": {"name": "pca"}, "target": {"macs": 0.25}, "notes": []},
        "layers": [
            {"layers": ["conv1", "conv3"], "width": 8, "kept": 3, "frozen": 0, "reasons": []},
            {
                "layers": ["<logits>"],
                "width": 4,
                "kept": 4,
                "frozen": 4,
                "reasons": ["'logits' is an output of the model"],
            },
        ],
        "network": network(),
        "groups": [
            {
                "name": "conv1",
                "width": 8,
                "kept": 3,
                "scores": [5.0, 2.0, 1.0, 0.5, 0.3, 0.1, 0.1, 0.0],
            }
        ],
        "correlations": as_values(matrices()),
        "history": history(),
        "run": {
            "format": "ccm_tf.run/1",
            "flags": {
                "network": "vgg16",
                "dataset": "digits",
                "width": 0.25,
                "ccm_over": "mean_map",
                "ccm_weight": 0.01,
                "energy": None,
            },
            "images": "100 training images",
            "classes": ["0", "1"],
            "mean": [0.3, 0.3, 0.3],
            "std": [0.35, 0.35, 0.35],
            "bgr": False,
            "keras": "3.15.1",
            "backend": "tensorflow",
        },
    }


def round_values():
    """A run of a program with rounds, which drops directions."""
    first = values()
    after = first["stages"][1:]
    for key in ("sliced", "plan", "groups", "correlations", *after):
        del first[key]
    pruned = {**_SMALL, "accuracy": 0.8}
    layer = {
        "name": "conv1",
        "inputs": 27,
        "outputs": 16,
        "kept_inputs": 11,
        "kept_outputs": 8,
        "stages": [297, 88, 128],
        "input_values": np.geomspace(1e-9, 2, 27).tolist(),
        "output_values": np.geomspace(1e-4, 1, 16).tolist(),
    }
    return first | {
        "method": "eigendamage",
        "protocol": "iterative",
        **with_stages(
            [
                first["dense"],
                {"name": "pruned_1", "title": "round 1, 50 % dropped, recalibrated", **pruned},
                {"name": "finetuned_1", "title": "round 1, 50 % dropped", **pruned},
            ]
        ),
        "rounds": [
            {
                "round": 1,
                "ratio": 0.5,
                "cut_accuracy": 0.2,
                "recalibrated_accuracy": 0.8,
                "counts": {},
                "notes": [],
                "predicted_rise": 0.03,
            }
        ],
        "directions": [{"title": "round 1", "layers": [layer, {**layer, "name": "conv2"}]}],
        "history": {"dense": history()["dense"], "finetuned_1": history()["finetuned"]},
    }


def content(rows=None, **changes):
    """What a page is made from, with other stages or some values changed."""
    replaced = {} if rows is None else with_stages(rows)
    return Content(copy.deepcopy(values()) | replaced | changes, matrices())


def bare(*keys):
    """A report of its stages and little more."""
    whole = values()
    return {key: whole[key] for key in (*keys, "title", "stages", *whole["stages"])}


def runs():
    """Reports of several runs with their folders, one of which names its images otherwise."""
    found = []
    for number in range(7):
        report = values()
        for stage in in_order(report)[1:]:
            stage["macs"] = round(stage["macs"] * 1.3**number)
            stage["accuracy"] = min(0.99, stage["accuracy"] + 0.002 * (number % 4))
        found.append((f"out/run_{number}", report))
    found[-1][1]["run"]["images"] = "other images"
    return found
