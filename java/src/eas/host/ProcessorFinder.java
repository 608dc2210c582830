package eas.host;

import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Finds the processor's class in the entry if the user has not named it: the one with a processor's
 * signature.
 *
 * <p>Strategy: a class file has each descriptor and each method name that it defines as a constant,
 * byte for byte. So a search of the bytes is a cheap test for classes that cannot define the
 * constructor. Only the few others are loaded, without being initialised, and inspected. A jar with
 * all its libraries inside has tens of thousands of classes.
 */
final class ProcessorFinder {
  /** The most classes that a message names. */
  private static final int MAX_LISTED = 8;

  private static final byte[] CONSTRUCTOR = constant("(Ljava/lang/String;Ljava/lang/String;)V");
  private static final byte[] PROCESS = constant("Process");

  private final ClassLoader loader;
  private final List<Class<?>> found = new ArrayList<>();

  /** For each class that defines a Process but is no processor, the reason. */
  private final List<String> refused = new ArrayList<>();

  /** The first class that defines a Process and cannot be linked. */
  private LinkageError broken;

  private ProcessorFinder(ClassLoader loader) {
    this.loader = loader;
  }

  /**
   * Finds the only processor among the classes of {@code entry}, which {@code loader} loads.
   *
   * @throws LoadException there are several or none
   */
  static Class<?> find(ClassPath entry, ClassLoader loader) throws LoadException {
    ProcessorFinder finder = new ProcessorFinder(loader);
    entry.visitClasses(finder::consider);
    return finder.decide();
  }

  private void consider(String name, byte[] bytes) {
    // Process may be inherited; a constructor is not. The message mentions a class that has Process
    // but not the constructor.
    boolean process = contains(bytes, PROCESS);
    if (!process && !contains(bytes, CONSTRUCTOR)) {
      return;
    }
    Class<?> type = null;
    try {
      type = Class.forName(name, false, loader);
      found.add(ProcessorSignature.of(type).type());
    } catch (LoadException reason) {
      if (process && declaresProcess(type)) {
        refused.add(reason.getMessage());
      }
    } catch (ClassNotFoundException | LinkageError error) {
      // In large jars many classes need libraries that were left out on purpose. Only a class that
      // may be the user's is remembered.
      if (process && broken == null && error instanceof LinkageError) {
        broken = (LinkageError) error;
      }
    }
  }

  private Class<?> decide() throws LoadException {
    if (found.size() == 1) {
      return found.get(0);
    }
    if (!found.isEmpty()) {
      String names = list(found.stream().map(Class::getName).collect(Collectors.toList()), ", ");
      throw LoadException.invalid(
          "several classes are processors: " + names + "; choose one with --mainclass");
    }
    if (broken != null) {
      throw broken;
    }
    String hint =
        refused.isEmpty()
            ? "none has a constructor (String, String), Load and Process"
            : list(refused, "; ");
    throw LoadException.invalid(
        "no class is a processor: " + hint + "; name the right one with --mainclass");
  }

  private static boolean declaresProcess(Class<?> type) {
    try {
      for (Method method : type.getDeclaredMethods()) {
        if (method.getName().equals("Process")) {
          return true;
        }
      }
    } catch (LinkageError error) {
      return false;
    }
    return false;
  }

  private static String list(List<String> names, String separator) {
    Collections.sort(names);
    String more =
        names.size() > MAX_LISTED ? separator + "and " + (names.size() - MAX_LISTED) + " more" : "";
    return names.stream().limit(MAX_LISTED).collect(Collectors.joining(separator)) + more;
  }

  /**
   * {@code text} as a constant of a class file: tag 1, two bytes of length, the bytes (JVM
   * specification, 4.4.7).
   */
  private static byte[] constant(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    byte[] constant = new byte[3 + bytes.length];
    constant[0] = 1;
    constant[2] = (byte) bytes.length;
    System.arraycopy(bytes, 0, constant, 3, bytes.length);
    return constant;
  }

  private static boolean contains(byte[] bytes, byte[] wanted) {
    for (int i = 0; i <= bytes.length - wanted.length; i++) {
      int j = 0;
      while (j < wanted.length && bytes[i + j] == wanted[j]) {
        j++;
      }
      if (j == wanted.length) {
        return true;
      }
    }
    return false;
  }
}
