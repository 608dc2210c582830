package eas.host;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;

/**
 * A runner and three assertions, because the tests here use no test library.
 *
 * <p>Usage: {@code java eas.host.Check CLASS...}. Each method without parameters is a test, and
 * runs on an object of its own. One line says how many tests passed; the exit code is 1 if one
 * failed.
 */
public final class Check {
  private Check() {}

  /** Something that may throw. */
  interface Action {
    void run() throws Throwable;
  }

  public static void main(String[] classNames) throws ReflectiveOperationException {
    int passed = 0;
    int failed = 0;
    for (String className : classNames) {
      Class<?> type = Class.forName("eas.host." + className);
      Method[] methods = type.getDeclaredMethods();
      Arrays.sort(methods, Comparator.comparing(Method::getName));
      for (Method test : methods) {
        if (test.getParameterCount() > 0
            || test.isSynthetic()
            || test.getReturnType() != void.class) {
          continue;
        }
        try {
          test.invoke(type.getDeclaredConstructor().newInstance());
          passed++;
        } catch (InvocationTargetException error) {
          failed++;
          System.out.println("FAILED " + className + "." + test.getName());
          error.getCause().printStackTrace(System.out);
        }
      }
    }
    System.out.println(passed + " passed, " + failed + " failed");
    ExitReport.leave(failed == 0 && passed > 0 ? 0 : 1);
  }

  static void same(Object expected, Object actual) {
    if (!expected.equals(actual)) {
      throw new AssertionError("expected: " + expected + "\nactual:   " + actual);
    }
  }

  static void holds(String text, String... parts) {
    for (String part : parts) {
      if (!text.contains(part)) {
        throw new AssertionError("\"" + part + "\" is not in: " + text);
      }
    }
  }

  /**
   * Asserts that {@code action} throws a load error of that kind, whose single line has all {@code
   * parts}.
   */
  static LoadException fails(LoadException.Kind kind, Action action, String... parts) {
    try {
      action.run();
    } catch (LoadException error) {
      holds(error.getMessage(), parts);
      same(kind.name(), error.kind());
      same(1L, error.getMessage().lines().count());
      return error;
    } catch (Throwable error) {
      throw new AssertionError("thrown: " + error, error);
    }
    throw new AssertionError("nothing thrown");
  }
}
