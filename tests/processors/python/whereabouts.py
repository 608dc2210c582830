"""
Tells where it is: its working directory, its files, its model, its environment.
"""

import json
import os
import sys

import allspark


class Whereabouts(allspark.BaseProcessor):
    def initialize(self):
        self.model = sorted(os.listdir("../../model"))

    def process(self, data):
        place = json.loads(data or b"{}")
        if "write" in place:
            with open(place["write"], "w") as file:
                file.write("written by the processor")
        read = None
        if "read" in place:
            with open(place["read"]) as file:
                read = file.read()
        seen = {
            "folder": os.getcwd(),
            "file": __file__,
            "argv": sys.argv,
            "model": self.model,
            "model_path": str(self.get_model_path()),
            "environment": dict(os.environ),
            "files": sorted(os.listdir()),
            "workspace": sorted(os.listdir("../..")),
            "prefix": sys.prefix,
            "read": read,
        }
        return json.dumps(seen), 200


if __name__ == "__main__":
    Whereabouts(worker_threads=2).run()
