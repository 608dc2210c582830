import a_module_that_nobody_has

import allspark


class Mine(allspark.BaseProcessor):
    def initialize(self) -> None:
        a_module_that_nobody_has.load()
