"""
A request on its way through the ring: submitted, run by a worker, answered.

In reading order:

- `exchange`: one request and its response, and the interfaces that it uses; `responses`: what the host itself answers.
- `backend`: one processor as the front sees it; it builds what follows. `workers`: the interface of the other end.
- `gate`: whether a request is taken; `rate_limit`; `capacity`: how many may be in the ring.
- `dispatcher`: carries exchanges over the ring and back; `large_outputs`: outputs that are sent from their slots.
- `explaining_dispatcher`: the same with --explain.
- `queue_poller`: listens to the signals of workers, and finds requests and completions that no signal has reported.
- `memory_budget`: one bound on what clients make the host hold; `body_buffer`: bodies that arrive in pieces.
"""
