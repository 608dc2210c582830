"""
The service's own page for a browser, at `/api/builtin/ui/`: how it does, what failed last, its live settings, and a
form that sends it a request.

In reading order:

- `entry`: what a host has of it from its start on; `sources`: what the page shows. All other modules are imported with
  the first request for the page.
- `routes`: what answers below the page's path; `page_files`: the page itself, from the folder `page`.
- `events`: the stream of updates, while somebody watches; `snapshot`: what an update says.
- `failures`: the last failures, with the frames of the processor.
"""
