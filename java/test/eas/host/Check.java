package eas.host;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;

/**
 * What the tests here need instead of a test library: a runner and three assertions.
 *
 * <p>Usage: {@code java eas.host.Check CLASS...}. Each method of a class that takes nothing is a
 * test, run on an object of its own. One line tells how many passed; the exit code is 1 if one
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
    ExitWatch.leave(failed == 0 && passed > 0 ? 0 : 1);
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
   * That {@code action} throws a load error of that kind, whose one line holds all {@code parts}.
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
