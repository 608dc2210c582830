package eas.host;

import java.net.URL;
import java.net.URLClassLoader;

/**
 * Loads the user's classes.
 *
 * <p>Its parent is the platform's class loader and not ours, so the user's classes see the JDK and
 * themselves. Neither the bridge's nor JPype's classes can be reached by name, and a library of
 * which both sides have a version is loaded twice, without either side noticing.
 */
final class ProcessorClassLoader extends URLClassLoader {
  static {
    registerAsParallelCapable();
  }

  // Without a name: a named class loader's name would stand before each class in the traces that
  // users read.
  ProcessorClassLoader(URL[] urls) {
    super(urls, ClassLoader.getPlatformClassLoader());
  }

  /** Tells in a debugger whose it is. */
  @Override
  public String toString() {
    return "the processor's class loader";
  }
}
