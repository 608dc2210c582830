import allspark


def user_code_that_throws() -> None:
    raise RuntimeError("the model file is torn")


user_code_that_throws()


class Mine(allspark.BaseProcessor):
    pass
