package eas.host;

import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * A {@link Throwable} of the user's code, as it is shown: its message to the client, its trace in
 * the log.
 *
 * <p>The trace is the user's own: the frames by which the host came to call it (ours, JPype's, and
 * the reflection and method handles between) stand at the outer end of the stack and are cut there.
 * The same kinds of frames further in are the user's doing and stay.
 *
 * <p>A Throwable is user code, too: its methods may be overridden, return null and throw. None of
 * that may cost more than the text that it would have given.
 */
final class Failure {
  /** Frames shown of one Throwable. A stack overflow has 1024 of them, most of them the same. */
  private static final int MAX_FRAMES = 64;

  /** Causes and suppressed ones that are shown, however long the chain is. */
  private static final int MAX_THROWABLES = 16;

  private static final String OURS = "eas.host.";
  private static final String[] BETWEEN = {
    OURS,
    "org.jpype.",
    "java.lang.invoke.",
    "java.lang.reflect.",
    "jdk.internal.reflect.",
    "sun.reflect."
  };

  private static final Set<String> JDK_LOADERS = Set.of("app", "platform");

  private static final StackTraceElement[] NO_FRAMES = {};
  private static final Failure UNDESCRIBED =
      new Failure("java.lang.Throwable", null, "an error that cannot be described");

  private final String type;
  private final String message;
  private final String trace;

  private Failure(String type, String message, String trace) {
    this.type = type;
    this.message = message;
    this.trace = trace;
  }

  /**
   * The same as {@link #of}, for when there may be too little memory or stack left to describe
   * anything.
   */
  static Failure ofCall(Throwable error) {
    try {
      return of(error);
    } catch (Throwable again) {
      return UNDESCRIBED;
    }
  }

  static Failure of(Throwable error) {
    StringBuilder trace = new StringBuilder(1024);
    Set<Throwable> shown = Collections.newSetFromMap(new IdentityHashMap<>());
    append(trace, error, "", "", NO_FRAMES, shown);
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

  /** The user's part of a thread's {@code stack}, one line for each frame. */
  static String frames(StackTraceElement[] stack) {
    StringBuilder out = new StringBuilder();
    StackTraceElement[] frames = withoutOurs(stack);
    appendFrames(out, "", frames, frames.length);
    return out.toString();
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
    StackTraceElement[] frames = withoutOurs(stackOf(error));
    int common = common(frames, enclosing);
    appendFrames(out, indent, frames, frames.length - common);
    for (Throwable suppressed : error.getSuppressed()) {
      append(out, suppressed, indent + "  ", "Suppressed: ", frames, shown);
    }
    Throwable cause = causeOf(error);
    if (cause != null) {
      append(out, cause, indent, "Caused by: ", frames, shown);
    }
  }

  /** The first {@code own} of {@code frames}, or as many as are shown. */
  private static void appendFrames(
      StringBuilder out, String indent, StackTraceElement[] frames, int own) {
    int shown = Math.min(own, MAX_FRAMES);
    for (int i = 0; i < shown; i++) {
      out.append(indent).append("  at ").append(plain(frames[i])).append('\n');
    }
    if (shown < frames.length) {
      out.append(indent).append("  ... ").append(frames.length - shown).append(" more\n");
    }
  }

  /**
   * {@code frame} as Java shows those of a Throwable: the stack of a living thread has the names of
   * the JDK's own class loaders and the versions of its modules, too.
   */
  private static StackTraceElement plain(StackTraceElement frame) {
    String loader = frame.getClassLoaderName();
    if (loader != null && !JDK_LOADERS.contains(loader)) {
      return frame;
    }
    return new StackTraceElement(
        null,
        frame.getModuleName(),
        null,
        frame.getClassName(),
        frame.getMethodName(),
        frame.getFileName(),
        frame.getLineNumber());
  }

  /** {@code stack} without the frames of the host at its outer end. */
  private static StackTraceElement[] withoutOurs(StackTraceElement[] stack) {
    int end = stack.length;
    boolean ours = false;
    while (end > 0 && isBetween(stack[end - 1].getClassName())) {
      ours |= stack[end - 1].getClassName().startsWith(OURS);
      end--;
    }
    // A thread that the processor started has no frame of ours: what looks like one between is its
    // own.
    return ours ? Arrays.copyOf(stack, end) : stack;
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

  private static StackTraceElement[] stackOf(Throwable error) {
    try {
      StackTraceElement[] stack = error.getStackTrace();
      return stack == null ? NO_FRAMES : stack;
    } catch (Throwable inside) {
      return NO_FRAMES;
    }
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
