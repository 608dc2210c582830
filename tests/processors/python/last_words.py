"""Writes a file into the folder of its model when Python ends."""

import atexit
import pathlib

import allspark


class LastWords(allspark.BaseProcessor):
    def initialize(self):
        atexit.register((pathlib.Path(str(self.get_model_path())) / "written").write_text, "ended")

    def process(self, data):
        return data, 200
