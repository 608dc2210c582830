"""
Processors in Java: jars, called through JPype and the bridge in java/.

    processor     loads the class and calls it
    classpath     which jars it is loaded from
    jvm           finds and starts the JVM; what it may do to this process, and what keeps it from that
    jvm_launcher  hides JPype and the bridge from the user's classes
"""
