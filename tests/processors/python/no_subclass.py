import allspark


class NotOne:
    base = allspark.BaseProcessor
