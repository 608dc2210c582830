"""
Makes mnist.onnx again from MNIST's IDX files: `python train.py --data DIR`.

Strategy: a small convolutional network in JAX, whose weights are written into an ONNX file by hand, so that no
framework decides what is in it. Every tenth image is held out: training never sees it, and the number printed at the
end is that of the exported file on those, as ONNX Runtime answers. Everything random comes from --seed.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import optax
from augment import SIDE, augment, normalize
from jax import Array, lax
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CLASSES = 10
KERNELS = [(5, 5, 1, 24), (3, 3, 24, 48), (3, 3, 48, 64), (3, 3, 64, 64)]  # height, width, channels in, channels out
POOLED = {0, 2}  # the convolutions whose result is halved: 28 -> 24 -> 12 -> 10 -> 8 -> 4 -> 2
FLAT = 2 * 2 * 64

HELD_OUT = 10  # every tenth image
BATCH = 50
PEAK_RATE = 2e-3
DECAY = 1e-3  # of the weights, per unit of the learning rate
SMOOTHING = 0.03  # of the labels: some drawings can be read two ways, so no answer is worth certainty
DROPPED = 0.3  # of the features, in training

OPSET = 13  # OpenCV 4.6 reads no newer one
IR_VERSION = 7  # the one of that time

Weights = list[tuple[Array, Array]]


class Digits(NamedTuple):
    """
    Images [count, 28, 28], 1.0 for ink, and the class of each.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def main() -> None:
    options = arguments()
    start = time.perf_counter()
    digits = read(options.data)
    held = np.arange(len(digits.labels)) % HELD_OUT == HELD_OUT - 1
    weights = train(Digits(digits.images[~held], digits.labels[~held]), options.epochs, options.seed)
    onnx.save(network(weights), options.output)
    right, count = accuracy(options.output, Digits(digits.images[held], digits.labels[held]))
    size = options.output.stat().st_size
    print(f"{options.output}: {size} bytes, {time.perf_counter() - start:.0f} s")
    print(f"held out: {right} of {count} right, {right / count:.2%}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains the network and writes it as ONNX.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the IDX files, gzipped or not")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("mnist.onnx"))
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def read(folder: Path) -> Digits:
    """The digits in *folder*, after the rule that the processors apply to what they are sent."""
    images = idx(folder, "train-images-idx3-ubyte").astype(np.float32)
    whole = np.full(len(images), SIDE)
    scaled = normalize(jnp.asarray(images) / 255, jnp.asarray(whole), jnp.asarray(whole))
    return Digits(np.asarray(scaled), idx(folder, "train-labels-idx1-ubyte").astype(np.int64))


def idx(folder: Path, name: str) -> NDArray[np.uint8]:
    """The bytes of an IDX file, in its shape: a magic number whose last byte counts the sizes that follow it."""
    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    sizes = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def initial(key: Array) -> Weights:
    """He's initial values: what keeps the signal's strength from one rectifier to the next."""
    shapes: list[tuple[int, ...]] = [*KERNELS, (FLAT, CLASSES)]
    return [
        (jax.random.normal(key, shape) * np.sqrt(2 / np.prod(shape[:-1])), jnp.zeros(shape[-1]))
        for key, shape in zip(jax.random.split(key, len(shapes)), shapes, strict=True)
    ]


def logits(weights: Weights, images: Array, dropout: Array) -> Array:
    values = images[..., None]
    for index, (kernel, bias) in enumerate(weights[:-1]):
        layout = ("NHWC", "HWIO", "NHWC")
        values = jax.nn.relu(lax.conv_general_dilated(values, kernel, (1, 1), "VALID", dimension_numbers=layout) + bias)
        if index in POOLED:
            count, side, _, channels = values.shape
            values = values.reshape(count, side // 2, 2, side // 2, 2, channels).max((2, 4))
    features = values.transpose(0, 3, 1, 2).reshape(len(images), FLAT)  # as ONNX lays them out: channels first
    kept = jax.random.bernoulli(dropout, 1 - DROPPED, features.shape)
    matrix, bias = weights[-1]
    return jnp.where(kept, features / (1 - DROPPED), 0.0) @ matrix + bias


def train(digits: Digits, epochs: int, seed: int) -> Weights:
    per_epoch = len(digits.labels) // BATCH
    steps = epochs * per_epoch
    rate = optax.warmup_cosine_decay_schedule(0.0, PEAK_RATE, max(steps // 30, 1), steps)
    optimizer = optax.adamw(rate, weight_decay=DECAY)

    def loss(weights: Weights, key: Array, images: Array, labels: Array) -> Array:
        changes, dropout = jax.random.split(key)
        targets = optax.smooth_labels(jax.nn.one_hot(labels, CLASSES), SMOOTHING)
        guesses = logits(weights, augment(changes, images, labels), dropout)
        mean: Array = optax.softmax_cross_entropy(guesses, targets).mean()
        return mean

    @jax.jit
    def step(
        weights: Weights, state: optax.OptState, key: Array, images: Array, labels: Array
    ) -> tuple[Weights, optax.OptState, Array]:
        lost, gradients = jax.value_and_grad(loss)(weights, key, images, labels)
        updates, state = optimizer.update(gradients, state, weights)
        return optax.apply_updates(weights, updates), state, lost

    start, key = jax.random.split(jax.random.key(seed))
    order = np.random.default_rng(seed)
    weights = initial(start)
    state = optimizer.init(weights)
    for epoch in range(epochs):
        total = 0.0
        for batch in order.permutation(len(digits.labels))[: per_epoch * BATCH].reshape(per_epoch, BATCH):
            key, now = jax.random.split(key)
            weights, state, lost = step(weights, state, now, digits.images[batch], digits.labels[batch])
            total += float(lost)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / per_epoch:.4f}", flush=True)
    return weights


def network(weights: Weights) -> onnx.ModelProto:
    """The network as ONNX: one image in, its ten probabilities out."""
    nodes, tensors, last = [], [], "image"
    for index, (kernel, bias) in enumerate(weights[:-1]):
        tensors += [tensor(f"kernel{index}", kernel.transpose(3, 2, 0, 1)), tensor(f"bias{index}", bias)]
        # The shape could be read off the kernel, and ONNX Runtime does; OpenCV wants it said.
        inputs, shape = [last, f"kernel{index}", f"bias{index}"], list(kernel.shape[:2])
        nodes.append(helper.make_node("Conv", inputs, [f"conv{index}"], kernel_shape=shape))
        nodes.append(helper.make_node("Relu", [f"conv{index}"], [last := f"relu{index}"]))
        if index in POOLED:
            nodes.append(helper.make_node("MaxPool", [last], [f"pool{index}"], kernel_shape=[2, 2], strides=[2, 2]))
            last = f"pool{index}"
    matrix, bias = weights[-1]
    tensors += [tensor("matrix", matrix.T), tensor("bias", bias)]
    nodes.append(helper.make_node("Flatten", [last], ["features"], axis=1))
    nodes.append(helper.make_node("Gemm", ["features", "matrix", "bias"], ["logits"], transB=1))
    nodes.append(helper.make_node("Softmax", ["logits"], ["scores"], axis=1))

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, SIDE, SIDE])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES])
    graph = helper.make_graph(nodes, "mnist", [image], [scores], tensors)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="train.py")
    onnx.checker.check_model(model, full_check=True)
    return model


def tensor(name: str, values: Array) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name)


def accuracy(model: Path, digits: Digits) -> tuple[int, int]:
    """How many of *digits* the file reads right, and how many there are."""
    session = onnxruntime.InferenceSession(model)
    answers = [session.run(None, {"image": image[None, None]})[0].argmax() for image in digits.images]
    return int((np.array(answers) == digits.labels).sum()), len(digits.labels)


if __name__ == "__main__":
    main()
