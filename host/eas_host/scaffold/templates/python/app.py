"""
A linear model behind HTTP: the score of "1 2" is bias + weights[0] * 1 + weights[1] * 2.

Bias and weights are the service's `model_config`, in service.json. `eas-host init` has written this file to begin with:
`initialize` and `process` are the two methods to make your own.
"""

import json
import math
import operator
import os
from pathlib import Path
from typing import Any

import allspark


class LinearModel(allspark.BaseProcessor):
    """
    Loads once, then answers on several threads at once, so `process` only reads what `initialize` has made.
    """

    def initialize(self) -> None:
        """
        Load the model. An exception ends the start of the service, and its message is shown.
        """
        config = model_config()
        self.bias = float(config["bias"])
        self.weights = [float(weight) for weight in config["weights"]]

    def process(self, data: bytes) -> "tuple[bytes, int]":
        """
        Answer one request with a body and a status: 200, or 400 for wrong input.
        """
        try:
            values = parse(data)
            return f"{self.score(values):g}".encode(), 200
        except ValueError as error:
            return str(error).encode(), 400

    def score(self, values: "list[float]") -> float:
        """
        Apply the model to the numbers of a request.
        """
        if len(values) != len(self.weights):
            raise ValueError(f"expected {len(self.weights)} numbers, got {len(values)}")
        return self.bias + sum(map(operator.mul, self.weights, values))


def model_config() -> "dict[str, Any]":
    """
    The service's `model_config`. EAS, and eas-host, put the whole description into SERVICE_CONFIG; where there is none,
    as under `python app.py`, service.json is beside this file.
    """
    text = os.environ.get("SERVICE_CONFIG")
    if text is None:
        text = Path(__file__).with_name("service.json").read_text("utf-8")
    config = json.loads(text)["model_config"]
    return json.loads(config) if isinstance(config, str) else config


def parse(data: bytes) -> "list[float]":
    """
    The numbers in a request: b"1 2" and b"1, 2" are [1.0, 2.0].
    """
    words = data.decode().replace(",", " ").split()
    if not words:
        raise ValueError("the request is empty; send numbers, such as: 1 2")
    values = [float(word) for word in words]
    if not all(map(math.isfinite, values)):
        raise ValueError("numbers must be finite")
    return values


if __name__ == "__main__":
    LinearModel(worker_threads=5).run()
