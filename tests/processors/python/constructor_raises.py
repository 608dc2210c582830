import allspark


class Mine(allspark.BaseProcessor):
    def __init__(self) -> None:
        raise RuntimeError("not built today")
