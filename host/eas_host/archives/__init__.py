"""
What can be learnt of a jar without unpacking it.

`zip_directory` lists a ZIP file, `jars` knows the layouts of jars.
"""
