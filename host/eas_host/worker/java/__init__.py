"""
Processors in Java: jars, called through JPype and the bridge in java/.

    processor     loads the class and calls it
    slots         the memory of the ring's slots, which Java reads and writes
    classpath     which jars it is loaded from
    jvm           finds the JVM and starts it, so that the signals and files of this process stay as they are
    jpype_alone   imports JPype, and no NumPy
    jvm_launcher  hides JPype and the bridge from the user's classes
"""
