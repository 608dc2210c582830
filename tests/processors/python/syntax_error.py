import allspark

class Broken(allspark.BaseProcessor)
    pass
