package eas.host;

import java.util.Arrays;
import java.util.Map;

/**
 * A shutdown hook that reports who has called {@code System.exit}.
 *
 * <p>{@code System.exit} inside a processor ends the worker, and its parent only sees that the
 * process has ended itself. This hook runs before that, and prints the stack of the caller.
 */
final class ExitHook {
  /**
   * How long shutdown hooks may take when the host itself ends the JVM. The grace period of the
   * requests is over by then, so this time is only for data that a processor flushes.
   */
  private static final long HOOKS_MILLIS = 5_000;

  private static volatile boolean leaving;

  private ExitHook() {}

  static void start() {
    Runtime.getRuntime().addShutdownHook(new Thread(ExitHook::report, "eas-host-exit"));
  }

  /** Ends the JVM, even if a shutdown hook hangs. */
  static void leave(int status) {
    leaving = true;
    Thread guard =
        new Thread(
            () -> {
              try {
                Thread.sleep(HOOKS_MILLIS);
              } catch (InterruptedException error) {
                // halt at once
              }
              Runtime.getRuntime().halt(status);
            },
            "eas-host-halt");
    guard.setDaemon(true);
    guard.start();
    Runtime.getRuntime().exit(status);
  }

  private static void report() {
    if (leaving) {
      return;
    }
    for (Map.Entry<Thread, StackTraceElement[]> entry : Thread.getAllStackTraces().entrySet()) {
      StackTraceElement[] stack = entry.getValue();
      for (int i = 0; i < stack.length; i++) {
        if (stack[i].getClassName().equals("java.lang.Runtime")
            && stack[i].getMethodName().equals("exit")) {
          String frames = ErrorReport.frames(Arrays.copyOfRange(stack, i + 1, stack.length));
          System.err.print(
              "the processor called exit() on thread " + entry.getKey().getName() + "\n" + frames);
          return;
        }
      }
    }
  }
}
