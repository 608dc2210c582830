"""
What we ask of the operating system.

That is `memory`, `signals` and `user`; threads beside the loop (`background`); what to do where the system is short of
something (`shortage`); and paths that cannot lead elsewhere (`safe_path`, `contained`).
"""
