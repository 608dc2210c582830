package eas.host;

import java.lang.reflect.Constructor;

/**
 * What the launcher (java/native/launcher.cc) asks for: the class loader that JPype takes for the
 * system's while it starts.
 *
 * <p>The loader of this class has the bridge's jar and JPype's, and its parent is the platform's. No
 * class of the user's leads to it: the application class loader, on which those are, has never heard
 * of it. So neither our classes nor JPype's can be reached by name, and a class of the user's that
 * bears the same name as one of ours is a class of its own.
 */
public final class HiddenClasses {
  private static final String CLASS_PATH = "java.class.path";

  private static String classPath;

  private HiddenClasses() {}

  /** A loader of JPype's kind. */
  public static ClassLoader open() throws ReflectiveOperationException {
    // JPype reads the directory of each jar that it finds in this property. Those are the user's, of
    // which it needs nothing, and they may be large.
    classPath = System.setProperty(CLASS_PATH, "");
    ClassLoader own = HiddenClasses.class.getClassLoader();
    Constructor<?> constructor =
        Class.forName("org.jpype.JPypeClassLoader", true, own).getConstructor(ClassLoader.class);
    return (ClassLoader) constructor.newInstance(own);
  }

  /** JPype has started. */
  public static void close() {
    System.setProperty(CLASS_PATH, classPath);
  }
}
