# The digit network in PyTorch: 784 bytes, the grey values of a digit, go in; the digit comes out.
import allspark
import numpy as np
import torch
from torch import nn


def network():
    return nn.Sequential(
        nn.Conv2d(1, 24, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3), nn.ReLU(),
        nn.Conv2d(48, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, 10), nn.Softmax(1),
    )


class DigitProcessor(allspark.BaseProcessor):
    def initialize(self):
        self.model = network()
        self.model.load_state_dict(torch.load(self.get_model_path().decode()))
        self.model.eval()

    def process(self, data):
        image = torch.from_numpy(np.frombuffer(data, np.uint8).reshape(1, 1, 28, 28) / np.float32(255))
        with torch.inference_mode():
            return str(int(self.model(image).argmax())).encode(), 200


if __name__ == '__main__':
    DigitProcessor(worker_threads=5).run()
