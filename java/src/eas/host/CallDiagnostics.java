package eas.host;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Explains, for the log, errors of a call that are less about the processor's code than about what
 * is around it: its class path, its libraries and the JVM's memory.
 */
final class CallDiagnostics {
  /** The most classes whose explanation is kept: each one costs a look into all jars nearby. */
  private static final int MAX_KNOWN = 64;

  /** The most causes that are looked at. */
  private static final int MAX_CAUSES = 16;

  private static final long MIB = 1 << 20;

  private final ClassPath path;
  private final Map<String, String> known = new LinkedHashMap<>();

  CallDiagnostics(ClassPath path) {
    this.path = path;
  }

  /**
   * What {@code error}, or one of its causes, means, and what to do; null if nothing is known, or
   * if the error's own methods throw.
   */
  String explain(Throwable error) {
    try {
      Throwable cause = error;
      for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
        String explained = explainOne(cause);
        if (explained != null) {
          return explained;
        }
        cause = cause.getCause();
      }
    } catch (Throwable inside) {
      return null;
    }
    return null;
  }

  private String explainOne(Throwable error) {
    if (error instanceof OutOfMemoryError) {
      return explainMemory(String.valueOf(error.getMessage()));
    }
    if (error instanceof StackOverflowError) {
      return "the recursion has no end, or is too deep for the thread's stack, which has the size"
          + " of ulimit -s";
    }
    if (String.valueOf(error.getMessage()).startsWith("Could not initialize class")) {
      return "its static initialiser has failed before, and the log has that error";
    }
    if (error instanceof LinkageError || error instanceof ClassNotFoundException) {
      return explainLinkage(error);
    }
    return null;
  }

  private synchronized String explainLinkage(Throwable error) {
    String key = error.getClass().getName() + error.getMessage();
    if (!known.containsKey(key) && known.size() >= MAX_KNOWN) {
      known.remove(known.keySet().iterator().next());
    }
    return known.computeIfAbsent(key, unused -> LoadDiagnostics.explain(error, path));
  }

  /** Which limit of the JVM has been reached, its present value, and the option that sets it. */
  static String explainMemory(String message) {
    if (message.contains("heap space") || message.contains("GC overhead")) {
      long now = Runtime.getRuntime().maxMemory() / MIB;
      return String.format(
          "the heap may grow to %d MiB; for twice as much: --jvm-options \"-Xmx%dm\"",
          now, 2 * now);
    }
    if (message.contains("irect buffer memory")) {
      return "direct buffers have as much memory as the heap, or what --jvm-options"
          + " \"-XX:MaxDirectMemorySize=SIZE\" says";
    }
    if (message.contains("Metaspace") || message.contains("class space")) {
      return "too many classes are loaded; their limits: --jvm-options"
          + " \"-XX:MaxMetaspaceSize=SIZE -XX:CompressedClassSpaceSize=SIZE\"";
    }
    if (message.contains("native thread")) {
      return "the system has no room for another thread: ulimit -u, pids.max; or threads are"
          + " started for each request and never end";
    }
    return null;
  }
}
