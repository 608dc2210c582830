# The digit network in ONNX Runtime: 784 bytes, the grey values of a digit, go in; the digit comes out.
import allspark
import numpy as np
import onnxruntime


class DigitProcessor(allspark.BaseProcessor):
    def initialize(self):
        self.session = onnxruntime.InferenceSession(self.get_model_path().decode())

    def process(self, data):
        image = np.frombuffer(data, np.uint8).reshape(1, 1, 28, 28).astype(np.float32) / 255
        scores, = self.session.run(["scores"], {"image": image})
        return str(scores.argmax()).encode(), 200


if __name__ == '__main__':
    DigitProcessor(worker_threads=5).run()
