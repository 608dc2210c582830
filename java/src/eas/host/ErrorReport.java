package eas.host;

import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * The texts of a {@link Throwable} of the user's code: its message for the client, its trace for
 * the log.
 *
 * <p>The trace has only the user's frames. The frames by which the host has called the user's code
 * (the host's, JPype's, and the reflection and method handles between them) are at the outer end of
 * the stack, and are removed there. The same kinds of frames further in belong to the user's calls
 * and stay.
 *
 * <p>A Throwable is user code, too: its methods may be overridden, return null and throw. If one of
 * them does, only the text that it would have returned is lost.
 */
final class ErrorReport {
  /** The most frames of one Throwable. A stack overflow has 1024, most of them the same. */
  private static final int MAX_FRAMES = 64;

  /** The most throwables that are shown, causes and suppressed ones included. */
  private static final int MAX_THROWABLES = 16;

  private static final String HOST_PACKAGE = "eas.host.";
  private static final String[] HOST_PREFIXES = {
    HOST_PACKAGE,
    "org.jpype.",
    "java.lang.invoke.",
    "java.lang.reflect.",
    "jdk.internal.reflect.",
    "sun.reflect."
  };

  private static final Set<String> JDK_LOADERS = Set.of("app", "platform");

  private static final StackTraceElement[] NO_FRAMES = {};
  private static final ErrorReport UNDESCRIBED =
      new ErrorReport("java.lang.Throwable", null, "an error that cannot be described");

  private final String type;
  private final String message;
  private final String trace;

  private ErrorReport(String type, String message, String trace) {
    this.type = type;
    this.message = message;
    this.trace = trace;
  }

  /**
   * The same as {@link #of}, but never throws, even if there is too little memory or stack left to
   * describe the error.
   */
  static ErrorReport ofCall(Throwable error) {
    try {
      return of(error);
    } catch (Throwable again) {
      return UNDESCRIBED;
    }
  }

  static ErrorReport of(Throwable error) {
    StringBuilder trace = new StringBuilder(1024);
    Set<Throwable> shown = Collections.newSetFromMap(new IdentityHashMap<>());
    append(trace, error, "", "", NO_FRAMES, shown);
    trace.setLength(trace.length() - 1);
    return new ErrorReport(error.getClass().getName(), messageOf(error), trace.toString());
  }

  /** The text for the client: the message, or the class name if there is no message. */
  String message() {
    return message == null ? type : message;
  }

  /** The type and the message in one line. */
  String headline() {
    if (message == null) {
      return type;
    }
    return type + ": " + message.lines().findFirst().orElse("");
  }

  /** Type, message and frames, then the same for each cause and suppressed throwable. */
  String trace() {
    return trace;
  }

  /** The user's frames of a thread's {@code stack}, one line for each. */
  static String frames(StackTraceElement[] stack) {
    StringBuilder out = new StringBuilder();
    StackTraceElement[] frames = withoutHostFrames(stack);
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
    StackTraceElement[] frames = withoutHostFrames(stackOf(error));
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

  /** Appends the first {@code own} of {@code frames}, {@code MAX_FRAMES} at most. */
  private static void appendFrames(
      StringBuilder out, String indent, StackTraceElement[] frames, int own) {
    int shown = Math.min(own, MAX_FRAMES);
    for (int i = 0; i < shown; i++) {
      out.append(indent).append("  at ").append(withoutLoaderName(frames[i])).append('\n');
    }
    if (shown < frames.length) {
      out.append(indent).append("  ... ").append(frames.length - shown).append(" more\n");
    }
  }

  /**
   * {@code frame} in the form that a Throwable prints. The stack of a living thread also has the
   * names of the JDK's own class loaders, and the versions of its modules.
   */
  private static StackTraceElement withoutLoaderName(StackTraceElement frame) {
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

  /** {@code stack} without the host's frames at its outer end. */
  private static StackTraceElement[] withoutHostFrames(StackTraceElement[] stack) {
    int end = stack.length;
    boolean fromHost = false;
    while (end > 0 && isHostFrame(stack[end - 1].getClassName())) {
      fromHost |= stack[end - 1].getClassName().startsWith(HOST_PACKAGE);
      end--;
    }
    // A thread that the processor has started has no frame of the host: frames of JPype or of
    // reflection are its own.
    return fromHost ? Arrays.copyOf(stack, end) : stack;
  }

  private static boolean isHostFrame(String className) {
    for (String prefix : HOST_PREFIXES) {
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
