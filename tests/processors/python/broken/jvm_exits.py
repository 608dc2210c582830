import allspark
import jpype


class Mine(allspark.BaseProcessor):
    def initialize(self):
        jpype.startJVM()

    def process(self, data):
        jpype.java.lang.System.exit(143)
