"""
A small processor to begin with, written by `eas-host pysdk init`.

    ENV/bin/python app.py                               # serves on port 8080
    curl http://127.0.0.1:8080/test -d '10 20'          # True: 2 * 10 + 100 >= 20
    curl http://127.0.0.1:8080/test -d '10 200'         # False, with status 400

Install the packages that it imports with `ENV/bin/pip install ...`.
"""

import allspark


class MyProcessor(allspark.BaseProcessor):
    """
    Tells whether a point (x, y) lies on or below the line y = w1 * x + w0.
    """

    def initialize(self) -> None:
        """
        Load the model. This is called once, before the first request. An exception ends the start.
        """
        self.module = {"w0": 100, "w1": 2}

    def pre_process(self, data: bytes) -> "tuple[float, float]":
        """
        Turn a request's bytes into two numbers: b"10 20" is (10.0, 20.0).
        """
        x, y = data.split(b" ")
        return float(x), float(y)

    def post_process(self, verdict: bool) -> bytes:
        """
        Turn the result into the answer's bytes.
        """
        return str(verdict).encode()

    def process(self, data: bytes) -> "tuple[bytes, int]":
        """
        Answer one request with a body and a status. Several threads call this at once, so it only reads shared values.
        """
        try:
            x, y = self.pre_process(data)
        except ValueError:
            return b"expected two numbers and a space between them, such as: 10 20", 400
        y1 = self.module["w1"] * x + self.module["w0"]
        if y1 >= y:
            return self.post_process(True), 200
        return self.post_process(False), 400


if __name__ == "__main__":
    # worker_threads: how many requests are processed at the same time.
    runner = MyProcessor(worker_threads=10)
    runner.run()
