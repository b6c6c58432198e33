import json
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch_pruning")

from benchmarks.peers import torch_networks, torch_side  # noqa: E402
from benchmarks.peers.methods import PEERS  # noqa: E402
from benchmarks.peers.torch_job import task_of  # noqa: E402
from benchmarks.peers.weights import to_keras  # noqa: E402

IMAGE = torch.zeros(1, 3, 32, 32)


def vgg():
    torch.manual_seed(0)
    return with_scales(torch_networks.VGG16(4, [8] * 14))


def resnet():
    torch.manual_seed(0)
    return with_scales(torch_networks.ResNet(4, [8, 8, 16, 32], [8, 16, 32]))


def with_scales(model):
    """As after training: channels have scales of their own."""
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return model.eval()


def test_multiply_accumulates_are_those_of_kernels():
    model = vgg()
    uses = torch_side.multiplications(model, IMAGE)
    assert uses["conv1"] == uses["conv2"] == 32 * 32 and uses["conv13"] == 4
    assert uses["dense1"] == uses["logits"] == 1
    pixels = 1024 + 256 * 2 + 64 * 3 + 16 * 3 + 4 * 3
    assert torch_side.macs(model, uses) == 9 * (1024 * 24 + 64 * pixels) + 64 + 32


def test_gradients_are_of_the_mean_loss_over_all_images():
    model, labels = vgg(), torch.arange(130) % 4
    images = torch.randn(130, 3, 32, 32)
    torch_side.take_gradients(model, images, labels)
    found = model.conv5.weight.grad.clone()
    model.zero_grad()
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    torch.testing.assert_close(found, model.conv5.weight.grad, rtol=1e-4, atol=1e-6)
    twin = torch_side.copied(model)
    assert torch.equal(twin.conv5.weight.grad, model.conv5.weight.grad)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_job_is_done(tmp_path, peer):
    model = vgg()
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    np.savez(tmp_path / "dense.npz", **to_keras(state))
    images = np.random.default_rng(0).normal(size=(6, 32, 32, 3)).astype("float32")
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(6) % 4, check=images[:2])
    job = {
        "description": {"family": "vgg16", "classes": 4, "widths": [8] * 14},
        "weights": "dense.npz",
        "images": "images.npz",
        "threads": 1,
        "repeats": 1,
        "tasks": [{**task_of(peer), "macs": 0.5, "id": "one"}],
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    torch_side.main(tmp_path / "job.json")
    result = json.loads((tmp_path / "result.json").read_text())
    row = result["tasks"]["one"]
    assert 0.3 < row["search"]["part"] < 0.7 and row["time"]["repeats"] == 1
    assert row["masked_difference"] < 1e-4
    with np.load(tmp_path / "one.npz") as arrays:
        assert arrays["conv2.weight"].shape[1] == arrays["conv1.weight"].shape[0]
        assert arrays["logits"].shape == (2, 4)
    assert set(result["versions"]) == {"torch", "torch-pruning", "numpy"}


def test_padded_shortcuts_are_not_followed():
    """Channel 2 of a stage becomes channel 6 of the next, behind four of zeros; Torch-Pruning
    takes padding as element-wise and, without a warning, removes channel 2 of both."""
    model, images = resnet(), torch.randn(4, 3, 32, 32)
    task = {**task_of(PEERS[0]), "global_pruning": False}
    twin = torch_side.copied(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        removed = torch_side.prune(twin, task, 0.3, IMAGE)
    assert removed["bn1"] == removed["stage2_block1_bn2"] != []
    found = torch_side.logits(twin, images)
    assert torch_side.difference(torch_side.masked_logits(model, removed, images), found) > 0.01
