"""Torch-Pruning's part, run where PyTorch is installed:

    python -m benchmarks.peers.torch_side job.json

Reads a network and images, prunes it as the job's tasks say, and writes beside the job
`result.json` and the weights of every pruned network. Needs PyTorch, torch-pruning and NumPy.
"""

import copy
import dataclasses
import functools
import importlib.metadata
import json
import pathlib
import sys
import time

import numpy as np
import torch
import torch_pruning

from benchmarks.peers import torch_networks
from benchmarks.peers.search import ratio_for
from benchmarks.peers.timing import timed
from benchmarks.peers.weights import difference, to_torch

_PACKAGES = ("torch", "torch-pruning", "numpy")
_BATCH = 128


def load(description, path):
    """The network of a description with weights from a file, in evaluation mode."""
    model = torch_networks.build(description)
    with np.load(path, allow_pickle=False) as arrays:
        state = {name: torch.from_numpy(array) for name, array in to_torch(arrays).items()}
    counters = {n: v for n, v in model.state_dict().items() if n.endswith("num_batches_tracked")}
    model.load_state_dict({**counters, **state})
    return model.eval()


def images_of(array):
    """Keras's images (B, H, W, C) as PyTorch takes them."""
    return torch.from_numpy(np.ascontiguousarray(np.transpose(array, (0, 3, 1, 2))))


def logits(model, images):
    """Outputs as an array."""
    with torch.no_grad():
        return model(images).numpy()


def multiplications(model, image):
    """Multiply-accumulates of every layer with a kernel per number in its weight: how often each
    is used. Batch normalisation and biases do not count, as in `ccm_tf.profile`."""
    uses = {}

    def note(name):
        return lambda module, inputs, output: uses.__setitem__(name, output[0, 0].numel())

    kinds = (torch.nn.Conv2d, torch.nn.Linear)
    hooks = [
        module.register_forward_hook(note(name))
        for name, module in model.named_modules()
        if isinstance(module, kinds)
    ]
    logits(model, image)
    for hook in hooks:
        hook.remove()
    return uses


def macs(model, uses):
    """Multiply-accumulates of a network whose feature maps have the size of the dense one's."""
    return sum(model.get_submodule(name).weight.numel() * times for name, times in uses.items())


def take_gradients(model, images, labels):
    """Gradients of the mean loss over all images, in evaluation mode."""
    model.zero_grad()
    for start in range(0, len(images), _BATCH):
        part = slice(start, start + _BATCH)
        loss = torch.nn.functional.cross_entropy(model(images[part]), labels[part], reduction="sum")
        (loss / len(images)).backward()


def copied(model):
    """A copy with its gradients, which `deepcopy` leaves behind."""
    twin = copy.deepcopy(model)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        theirs.grad = None if ours.grad is None else ours.grad.clone()
    return twin


def prune(model, task, ratio, image):
    """Prunes in place; the channels that each batch normalisation lost, by its name."""
    importance = getattr(torch_pruning.importance, task["importance"])(**task["arguments"])
    pruner = torch_pruning.pruner.BasePruner(
        model,
        image,
        importance=importance,
        global_pruning=task["global_pruning"],
        pruning_ratio=ratio,
        ignored_layers=[model.logits],
    )
    names = {module: name for name, module in model.named_modules()}
    removed = {}
    for group in pruner.step(interactive=True):
        for dependency, indices in group:
            if dependency.handler == torch_pruning.prune_batchnorm_out_channels:
                removed[names[dependency.target.module]] = [int(i) for i in indices]
        group.prune()
    return removed


def masked_logits(model, removed, images):
    """Outputs of the dense network with the removed channels of every feature map at zero."""
    hooks = []
    for name, indices in removed.items():
        keep = torch.ones(model.get_submodule(name).num_features)
        keep[indices] = 0

        def mask(module, inputs, output, keep=keep):
            return output * keep.reshape(1, -1, *(1,) * (output.ndim - 2))

        hooks.append(model.get_submodule(name.replace("bn", "relu")).register_forward_hook(mask))
    outputs = logits(model, images)
    for hook in hooks:
        hook.remove()
    return outputs


@dataclasses.dataclass
class Bench:
    """The dense network and the images that all tasks of a job share."""

    dense: torch.nn.Module
    images: torch.Tensor
    labels: torch.Tensor
    check: torch.Tensor
    repeats: int

    def run(self, task, folder):
        """Searches the ratio of a task, times one pruning with it, and writes the network."""
        uses = multiplications(self.dense, self.check[:1])
        whole = macs(self.dense, uses)
        self.dense.zero_grad()
        if task["gradients"]:
            take_gradients(self.dense, self.images, self.labels)

        def part_at(ratio):
            twin = copied(self.dense)
            prune(twin, task, ratio, self.check[:1])
            return macs(twin, uses) / whole

        start = time.process_time()
        found = ratio_for(part_at, task["macs"])
        searched = time.process_time() - start

        def once(twin):
            if task["gradients"]:
                take_gradients(twin, self.images, self.labels)
            return twin, prune(twin, task, found.ratio, self.check[:1])

        prepare = functools.partial(copied, self.dense)
        (pruned, removed), spent = timed(once, prepare, self.repeats)
        pruned.zero_grad()
        outputs = logits(pruned.eval(), self.check)
        state = {name: value.numpy() for name, value in pruned.state_dict().items()}
        np.savez(folder / f"{task['id']}.npz", logits=outputs, **state)
        return {
            "search": dataclasses.asdict(found),
            "search_processor_seconds": searched,
            "time": spent,
            "masked_difference": difference(
                masked_logits(self.dense, removed, self.check), outputs
            ),
        }


def main(path):
    """Runs the job of a file."""
    path = pathlib.Path(path)
    job = json.loads(path.read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    dense = load(job["description"], path.parent / job["weights"])
    with np.load(path.parent / job["images"], allow_pickle=False) as arrays:
        images, check = images_of(arrays["images"]), images_of(arrays["check"])
        labels = torch.from_numpy(arrays["labels"].astype("int64"))
    bench = Bench(dense, images, labels, check, job["repeats"])
    np.savez(path.parent / "dense_logits.npz", logits=logits(dense, check))
    tasks = {task["id"]: bench.run(task, path.parent) for task in job["tasks"]}
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    result = {"versions": versions, "tasks": tasks}
    (path.parent / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
