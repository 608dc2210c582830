import allspark


class CommonBase(allspark.BaseProcessor):
    """A subclass too, but not one of the entry's file."""
