"""
What is wrong with a request. The message is for the client that has sent it.
"""

from __future__ import annotations


class BadImage(Exception):
    """
    An input that is no image, or none that can be classified.
    """


def truncated() -> BadImage:
    return BadImage("the image is truncated")


def broken(why: object) -> BadImage:
    """
    It begins as an image, but does not go on as one; *why* has the decoder's own words.
    """
    return BadImage(f"the image is broken: {why}")
