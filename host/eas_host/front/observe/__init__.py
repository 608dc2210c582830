"""
What is counted and logged about requests.

In reading order: `observer` is told how each exchange ends; `metrics` counts, `request_log` writes lines about
requests, `failure_log` says why one was not answered, `throttled_log` what clients did wrong.
"""
