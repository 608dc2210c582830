"""
Processors in Java: jars, loaded and called by the bridge in java/.

    processor     loads the class, and starts the threads that call it
    classpath     which jars it is loaded from
    jvm           finds the JVM and starts it, so that the signals and files of this process stay as they are
    bridge        starts a JVM, and passes commands to the bridge in it
"""
