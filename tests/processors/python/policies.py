"""
Answers with the kernel's scheduling policies, as numbers: of the thread that runs this, and of one of the user's own.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import allspark


class Policies(allspark.BaseProcessor):
    def initialize(self):
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(os.getpid).result()  # it starts its thread now

    def process(self, data):
        users = self.pool.submit(os.sched_getscheduler, 0)
        return json.dumps([os.sched_getscheduler(0), users.result()]).encode(), 200
