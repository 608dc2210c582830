"""
The model, in ONNX Runtime.

A session may be run by several threads at once, so all requests share one. It gets no threads of its own: the host runs
several requests at once, which is what keeps all cores busy; pools beside them would only take the cores away.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

FILE = "mnist.onnx"
EXPECTED = {"image": [1, 1, 28, 28]}, {"scores": [1, 10]}


class Classifier:
    """
    A loaded model.
    """

    def __init__(self, entry: Path) -> None:
        """
        Load *entry*: the ONNX file, or a folder with `mnist.onnx` in it. What is wrong is told with the file's name.
        """
        file = entry / FILE if entry.is_dir() else entry
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: there is no such file; the model entry is an .onnx file, or a folder with {FILE}"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of many types, which have no other parent
            raise ValueError(f"{file}: it cannot be loaded: {error}") from error
        found = tuple({node.name: node.shape for node in nodes} for nodes in self.nodes())
        if found != EXPECTED:
            raise ValueError(f"{file}: another model: it has {found}; expected {EXPECTED} (inputs, outputs)")

    def nodes(self) -> tuple[list[onnxruntime.NodeArg], list[onnxruntime.NodeArg]]:
        return self.session.get_inputs(), self.session.get_outputs()

    def scores(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        The probability of each class.
        """
        return self.session.run(["scores"], {"image": image})[0][0]
