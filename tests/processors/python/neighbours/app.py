"""As users write it: a sibling module, a base class of their own, a file beside it, the runner at the end."""

import host  # a user's module may have any name
from bases import CommonBase


class MyProcessor(CommonBase):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.words = ""

    def initialize(self):
        with open("words.txt", encoding="utf-8") as words:
            self.words = words.read().strip()

    def process(self, data):
        return f"{host.NAME} {self.words} {__name__ == '__main__'}".encode(), 200


if __name__ == "__main__":
    runner = MyProcessor(worker_threads=10)
    runner.run()
