package eas.host;

import java.util.Arrays;
import java.util.Map;

/**
 * Watches how the JVM ends.
 *
 * <p>{@code System.exit} inside a processor ends the worker, and all that its parent can see is a
 * process that ended itself. The hook, which runs before that, says who called it.
 */
final class ExitWatch {
  /**
   * How long shutdown hooks may take when the host itself ends the JVM. The grace period of the
   * requests is over by then, so this is only for what a processor wants to flush.
   */
  private static final long HOOKS_MILLIS = 5_000;

  private static volatile boolean leaving;

  private ExitWatch() {}

  static void start() {
    Runtime.getRuntime().addShutdownHook(new Thread(ExitWatch::report, "eas-host-exit"));
  }

  /** Ends the JVM, whatever its hooks do. */
  static void leave(int status) {
    leaving = true;
    Thread guard =
        new Thread(
            () -> {
              try {
                Thread.sleep(HOOKS_MILLIS);
              } catch (InterruptedException error) {
                // then at once
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
          String frames = Failure.frames(Arrays.copyOfRange(stack, i + 1, stack.length));
          System.err.print(
              "the processor called exit() on thread " + entry.getKey().getName() + "\n" + frames);
          return;
        }
      }
    }
  }
}
