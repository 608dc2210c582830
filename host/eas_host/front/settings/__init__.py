"""
What may change while the host runs.

In reading order: `properties` keeps and reads the values, `settings` applies them,
`token_renewal` asks for another token, `readiness` pauses models, `default_headers` reads the header lines of answers.
"""
