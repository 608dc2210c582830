"""
Tells which digit an image shows: a JPEG or PNG goes in, JSON comes out.

`initialize` runs once, before the first request; `process` runs for each request, on several threads at once. What
`initialize` makes is never changed, and each of these objects may be used by several threads, so there is no lock: all
that belongs to one request lives on its own thread.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from digits import answer, header, options, picture
from digits.classifier import Classifier
from digits.errors import BadImage
from digits.ink import ink
from digits.region import fit

import allspark


class ImageClassification(allspark.BaseProcessor):
    """
    The processor; the package beside it, `digits`, has one step of the work in each file.
    """

    def initialize(self) -> None:
        """
        Load the model. What is raised here ends the start of the service, and its message is shown.
        """
        self.options = options.parse(model_config())
        self.classifier = Classifier(Path(os.fsdecode(self.get_model_path())))

    def process(self, data: bytes) -> tuple[bytes, int]:
        """
        Answer one request with a body and a status: 200, or 400 for what is no image that can be classified.
        """
        try:
            return self.classify(data), 200
        except BadImage as reason:
            return str(reason).encode(), 400

    def classify(self, data: bytes) -> bytes:
        if not data:
            raise BadImage("input data should not be empty")
        region = fit(picture.decode(data, header.check(data)))
        return answer.text(self.classifier.scores(ink(region, self.options.invert)), self.options.top_k).encode()


def model_config() -> str:
    """
    The service's `model_config`. EAS, and eas-host, put the whole description into SERVICE_CONFIG; where there is none,
    as under `python app.py`, service.json is beside this file.
    """
    text = os.environ.get("SERVICE_CONFIG")
    if text is None:
        text = Path(__file__).with_name("service.json").read_text("utf-8")
    config = json.loads(text).get("model_config", "")
    return config if isinstance(config, str) else json.dumps(config)


if __name__ == "__main__":
    ImageClassification(worker_threads=5).run()
