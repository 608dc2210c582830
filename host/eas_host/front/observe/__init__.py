"""
What is counted and logged about requests, and about what they cost workers.

In reading order: `observer` is told how each exchange ends; `metrics` counts, as what `metric_definitions` shows;
`request_log` writes lines about requests, `failure_log` says why one was not answered, `recent_failures` keeps the last
of all failures, `status_log` says which codes were no statuses, `throttled_log` what clients did wrong; `growth_log`
finds, by `trend`, workers that leak, some of them by `first_requests` already.
"""
