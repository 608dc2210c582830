"""
The tables: which servers are measured, under which load, and what is shown of them.

- `variant`: a load, and the forms of this host that get it; `served`: how a server becomes a table's subject.
- `echo`: throughput; `latency`: times at fixed rates; `ping`: beside a processor that computes.
- `batches`: what one call for several requests wins.
- `images`: a real processor, and what the host adds to it; `deaths`: requests that end their worker.
"""
