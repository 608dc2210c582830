"""
Processors in Java: jars, loaded through JPype and called by the bridge in java/.

    processor     loads the class, and starts the threads that call it
    classpath     which jars it is loaded from
    jvm           finds the JVM and starts it, so that the signals and files of this process stay as they are
    jpype_alone   imports JPype, and no NumPy
    jvm_launcher  hides JPype and the bridge from the user's classes
"""
