package eas.host;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/**
 * Who ends the JVM: asked by the launcher (java/native/launcher.cc) at the very end, on the thread
 * that has called {@code System.exit} or {@code Runtime.halt}.
 *
 * <p>Such a call inside a processor ends the worker, and its parent would only see that the process
 * has ended itself.
 */
final class ExitReport {
  /**
   * How long shutdown hooks may take. When the host itself ends the JVM, the grace period of the
   * requests is over by then, so this time is only for data that a processor flushes.
   */
  private static final long HOOKS_MILLIS = 5_000;

  /** Whether the host itself ends the JVM. */
  private static volatile boolean leaving;

  /** Whether threads call the processor. */
  private static volatile boolean serving;

  /** Whether the JVM is ending, for whatever reason. */
  private static volatile boolean ending;

  /** The thread that has called exit, if its shutdown hooks hang; else null. */
  private static volatile Thread hanging;

  private ExitReport() {}

  /** Takes part in the end of the JVM, and limits the time of the shutdown hooks. */
  static void start() {
    Runtime.getRuntime().addShutdownHook(new Thread(ExitReport::startGuard, "eas-host-exit"));
  }

  /** Notes that threads call the processor from now on. */
  static void serve() {
    serving = true;
  }

  /** Whether the JVM is ending, so that it must not answer any more requests. */
  static boolean isEnding() {
    return ending;
  }

  /** Ends the JVM for the host. */
  static void leave(int status) {
    leaving = true;
    Runtime.getRuntime().exit(status);
  }

  /** The caller and its frames; null if it is the host. */
  static byte[] describe() {
    Thread thread = hanging != null ? hanging : Thread.currentThread();
    return leaving ? null : describe(thread).getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Whether the process may end without waiting for the JVM's threads. While the processor is being
   * loaded nobody waits for an answer; and the host itself has waited for the threads already.
   */
  static boolean endsAtOnce() {
    return serving && !leaving;
  }

  /**
   * The number of the worker's thread for whose call the calling thread ends the JVM, without being
   * that thread; -1 if there is none.
   */
  static int starter() {
    return WorkerCalls.starter();
  }

  private static String describe(Thread thread) {
    StackTraceElement[] stack = thread.getStackTrace();
    int end = stack.length;
    while (end > 0 && !isExit(stack[end - 1])) {
      end--;
    }
    if (end == 0) {
      return "";
    }
    StackTraceElement call = stack[end - 1];
    String name = call.getClassName().substring(call.getClassName().lastIndexOf('.') + 1);
    String frames = ErrorReport.frames(Arrays.copyOfRange(stack, end, stack.length));
    String what = "the processor called " + name + "." + call.getMethodName();
    return what + " on thread " + thread.getName() + "\n" + frames;
  }

  private static boolean isExit(StackTraceElement frame) {
    boolean type =
        frame.getClassName().equals("java.lang.System")
            || frame.getClassName().equals("java.lang.Runtime");
    return type && (frame.getMethodName().equals("exit") || frame.getMethodName().equals("halt"));
  }

  private static void startGuard() {
    ending = true;
    Thread guard = new Thread(ExitReport::haltLate, "eas-host-halt");
    guard.setDaemon(true);
    guard.start();
  }

  /** Ends the JVM if its shutdown hooks hang. */
  private static void haltLate() {
    try {
      Thread.sleep(HOOKS_MILLIS);
    } catch (InterruptedException error) {
      // Ends it at once.
    }
    for (Map.Entry<Thread, StackTraceElement[]> entry : Thread.getAllStackTraces().entrySet()) {
      if (Arrays.stream(entry.getValue()).anyMatch(ExitReport::isExit)) {
        hanging = entry.getKey();
      }
    }
    String seconds = HOOKS_MILLIS / 1000 + " s";
    HostLog.warn("the shutdown hooks take more than " + seconds + "; the JVM ends without them");
    Runtime.getRuntime().halt(1);
  }
}
