package eas.host;

import java.lang.reflect.Constructor;

/**
 * Makes the class loader that the launcher (java/native/launcher.cc) gives JPype instead of the
 * system class loader while JPype starts.
 *
 * <p>The loader of this class has the jars of the bridge and of JPype, and its parent is the
 * platform class loader. The user's classes are on the application class loader, which does not
 * know this one. So the user's code cannot reach the classes of the host and of JPype by name, and
 * may have classes of the same names.
 */
public final class HiddenClasses {
  private static final String CLASS_PATH = "java.class.path";

  private static String classPath;

  private HiddenClasses() {}

  /** Makes a loader of the class that JPype expects. */
  public static ClassLoader open() throws ReflectiveOperationException {
    // JPype reads the directory of each jar in this property. These are the user's jars, which
    // JPype does not need, and which may be large.
    classPath = System.setProperty(CLASS_PATH, "");
    ClassLoader own = HiddenClasses.class.getClassLoader();
    Constructor<?> constructor =
        Class.forName("org.jpype.JPypeClassLoader", true, own).getConstructor(ClassLoader.class);
    return (ClassLoader) constructor.newInstance(own);
  }

  /** Restores the class path after JPype has started. */
  public static void close() {
    System.setProperty(CLASS_PATH, classPath);
  }
}
