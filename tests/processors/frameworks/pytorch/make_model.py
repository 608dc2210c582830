"""
Makes a state dict of PyTorch from the weights of an ONNX file: `make_model.py MNIST.ONNX FOLDER`.
"""
import os
import sys

import onnx
import torch
from onnx import numpy_helper

PLACES = {0: "0", 1: "3", 2: "5", 3: "8"}  # of the convolutions in app.py's network


def main(source, folder):
    weights = {}
    for tensor in onnx.load(source).graph.initializer:
        weights[tensor.name] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    state = {"11.weight": weights["matrix"], "11.bias": weights["bias"]}
    for index, place in PLACES.items():
        state[place + ".weight"] = weights["kernel%d" % index]
        state[place + ".bias"] = weights["bias%d" % index]
    torch.save(state, os.path.join(folder, "digits.pt"))


main(*sys.argv[1:])
