"""
From the bytes of an image to the JSON of its class, one step in each file, in this order:

`header` (is it an image, and of which size), `picture` (its pixels), `region` (scaled), `ink` (as the model wants it),
`classifier` (the model), `answer`.
"""
