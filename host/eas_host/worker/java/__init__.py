"""
Processors in Java: jars, called through JPype and the bridge in java/.

    processor     starts the JVM, loads the class and calls it
    jvm_launcher  keeps JPype and the bridge out of the user's sight
"""
