"""
Tries what it is told: its input is a Python expression, its answer the value, or the error's name.
"""

import ctypes  # noqa: F401  for expressions
import os  # noqa: F401
import signal  # noqa: F401
import socket  # noqa: F401
import subprocess  # noqa: F401

import allspark


class Tries(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        try:
            value = eval(data.decode())
        except Exception as error:
            value = type(error).__name__
        return str(value).encode(), 200
