package eas.host;

import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * A {@link Throwable} of the user's code, as it is shown: its message to the client, its trace in the log.
 *
 * <p>The trace is the user's own: the frames by which the host came to call it (ours, JPype's, and the reflection and
 * method handles between) stand at the outer end of the stack and are cut there. The same kinds of frames further in
 * are the user's doing and stay.
 *
 * <p>A Throwable is user code, too: its methods may be overridden, return null and throw. None of that may cost more
 * than the text that it would have given.
 */
final class Failure {
  /** Frames shown of one Throwable. A stack overflow has 1024 of them, most of them the same. */
  private static final int MAX_FRAMES = 64;

  /** Causes and suppressed ones that are shown, however long the chain is. */
  private static final int MAX_THROWABLES = 16;

  private static final String OURS = "eas.host.";
  private static final String[] BETWEEN = {
    OURS, "org.jpype.", "java.lang.invoke.", "java.lang.reflect.", "jdk.internal.reflect.", "sun.reflect."
  };

  private final String type;
  private final String message;
  private final String trace;

  private Failure(String type, String message, String trace) {
    this.type = type;
    this.message = message;
    this.trace = trace;
  }

  static Failure of(Throwable error) {
    StringBuilder trace = new StringBuilder(1024);
    Set<Throwable> shown = Collections.newSetFromMap(new IdentityHashMap<>());
    append(trace, error, "", "", new StackTraceElement[0], shown);
    trace.setLength(trace.length() - 1);
    return new Failure(error.getClass().getName(), messageOf(error), trace.toString());
  }

  /** What the client gets: the message, or the class name where there is none. */
  String message() {
    return message == null ? type : message;
  }

  /** Type and message in one line. */
  String headline() {
    if (message == null) {
      return type;
    }
    return type + ": " + message.lines().findFirst().orElse("");
  }

  /** Type, message and frames, then the same of each cause and suppressed one. */
  String trace() {
    return trace;
  }

  private static void append(
      StringBuilder out,
      Throwable error,
      String indent,
      String caption,
      StackTraceElement[] enclosing,
      Set<Throwable> shown) {
    out.append(indent).append(caption).append(error.getClass().getName());
    String message = messageOf(error);
    if (message != null) {
      out.append(": ").append(message);
    }
    out.append('\n');
    if (!shown.add(error) || shown.size() > MAX_THROWABLES) {
      return;
    }
    StackTraceElement[] frames = framesOf(error);
    int common = common(frames, enclosing);
    int own = frames.length - common;
    for (int i = 0; i < Math.min(own, MAX_FRAMES); i++) {
      out.append(indent).append("  at ").append(frames[i]).append('\n');
    }
    if (own > MAX_FRAMES || common > 0) {
      out.append(indent).append("  ... ").append(frames.length - Math.min(own, MAX_FRAMES)).append(" more\n");
    }
    for (Throwable suppressed : error.getSuppressed()) {
      append(out, suppressed, indent + "  ", "Suppressed: ", frames, shown);
    }
    Throwable cause = causeOf(error);
    if (cause != null) {
      append(out, cause, indent, "Caused by: ", frames, shown);
    }
  }

  /** The frames of {@code error} without those of the host at the outer end. */
  private static StackTraceElement[] framesOf(Throwable error) {
    StackTraceElement[] all = error.getStackTrace();
    int end = all.length;
    boolean ours = false;
    while (end > 0 && isBetween(all[end - 1].getClassName())) {
      ours |= all[end - 1].getClassName().startsWith(OURS);
      end--;
    }
    // A thread that the processor started has no frame of ours: what looks like one there is its own.
    return ours ? Arrays.copyOf(all, end) : all;
  }

  private static boolean isBetween(String className) {
    for (String prefix : BETWEEN) {
      if (className.startsWith(prefix)) {
        return true;
      }
    }
    return false;
  }

  /** How many outer frames the two stacks share. */
  private static int common(StackTraceElement[] frames, StackTraceElement[] enclosing) {
    int count = 0;
    while (count < frames.length
        && count < enclosing.length
        && frames[frames.length - 1 - count].equals(enclosing[enclosing.length - 1 - count])) {
      count++;
    }
    return count;
  }

  private static String messageOf(Throwable error) {
    try {
      return error.getMessage();
    } catch (Throwable inside) {
      return null;
    }
  }

  private static Throwable causeOf(Throwable error) {
    try {
      return error.getCause();
    } catch (Throwable inside) {
      return null;
    }
  }
}
