# A classifier of scikit-learn: 64 numbers, the grey values of a digit, go in; the digit comes out.
import allspark
import joblib
import numpy as np


class DigitProcessor(allspark.BaseProcessor):
    def initialize(self):
        self.model = joblib.load(self.get_model_path().decode())

    def process(self, data):
        values = np.array(data.split(), dtype=float)
        return str(self.model.predict([values])[0]).encode(), 200


if __name__ == '__main__':
    DigitProcessor(worker_threads=5).run()
