package eas.host;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * The texts of a {@link Throwable} of the user's code: its message for the client, its trace for
 * the log.
 *
 * <p>The trace has only the user's frames. The frames by which the host has called the user's code
 * (the host's, and the reflection and method handles between them) are at the outer end of the
 * stack, and are removed there. The same kinds of frames further in belong to the user's calls and
 * stay; but those of the host, which the user's code has called back, are removed there, too.
 *
 * <p>A Throwable is user code, too: its methods may be overridden, return null and throw. If one of
 * them does, only the text that it would have returned is lost.
 */
final class ErrorReport {
  /** The most throwables that are shown, causes and suppressed ones included. */
  private static final int MAX_THROWABLES = 16;

  private static final String HOST_PACKAGE = "eas.host.";
  private static final String[] HOST_PREFIXES = {
    HOST_PACKAGE,
    "java.lang.invoke.",
    "java.lang.reflect.",
    "jdk.internal.reflect.",
    "sun.reflect."
  };

  private static final StackTraceElement[] NO_FRAMES = {};
  private static final ErrorReport UNDESCRIBED =
      new ErrorReport("java.lang.Throwable", null, "an error that cannot be described", "");

  private final String type;
  private final String message;
  private final String trace;
  private final String frames;

  private ErrorReport(String type, String message, String trace, String frames) {
    this.type = type;
    this.message = message;
    this.trace = trace;
    this.frames = frames;
  }

  /**
   * The same as {@link #of}, with what {@code diagnostics}, if given, know of the cause. Never
   * throws, even if there is too little memory or stack left to describe the error.
   */
  static ErrorReport ofCall(Throwable error, CallDiagnostics diagnostics) {
    try {
      String explained = diagnostics == null ? null : diagnostics.explain(error);
      return of(error, explained == null ? "" : " (" + explained + ")");
    } catch (Throwable again) {
      return UNDESCRIBED;
    }
  }

  static ErrorReport of(Throwable error) {
    return of(error, "");
  }

  /** The same with an {@code explanation} at the end of the first line. */
  private static ErrorReport of(Throwable error, String explanation) {
    StringBuilder trace = new StringBuilder(1024);
    Set<Throwable> shown = Collections.newSetFromMap(new IdentityHashMap<>());
    append(trace, error, "", "", NO_FRAMES, shown);
    trace.setLength(trace.length() - 1);
    int line = trace.indexOf("\n");
    trace.insert(line < 0 ? trace.length() : line, explanation);
    return new ErrorReport(
        error.getClass().getName(), messageOf(error), trace.toString(), ownFrames(error));
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

  /**
   * The user's frames, each after a newline, from the innermost on: those of the JDK below it, in
   * which most errors are thrown and none is caused, are left out.
   */
  String frames() {
    return frames;
  }

  private static String ownFrames(Throwable error) {
    StackTraceElement[] stack = withoutHostFrames(stackOf(error));
    int inner = 0;
    while (inner < stack.length && ThreadStacks.isOfJdk(stack[inner])) {
      inner++;
    }
    StringBuilder out = new StringBuilder("\n");
    FrameList.append(out, "", Arrays.copyOfRange(stack, inner, stack.length), stack.length - inner);
    out.setLength(out.length() - 1);
    return out.toString();
  }

  /** The type of {@code error} and all of its frames, also the host's: for the host's own bugs. */
  static String stack(Throwable error) {
    StringBuilder out = new StringBuilder(error.getClass().getName()).append('\n');
    StackTraceElement[] frames = stackOf(error);
    FrameList.append(out, "", frames, frames.length);
    return out.toString();
  }

  /** The user's frames of a thread's {@code stack}, one line for each. */
  static String frames(StackTraceElement[] stack) {
    StringBuilder out = new StringBuilder();
    StackTraceElement[] frames = withoutHostFrames(stack);
    FrameList.append(out, "", frames, frames.length);
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
    FrameList.append(out, indent, frames, frames.length - common);
    for (Throwable suppressed : error.getSuppressed()) {
      append(out, suppressed, indent + "  ", "Suppressed: ", frames, shown);
    }
    Throwable cause = causeOf(error);
    if (cause != null) {
      append(out, cause, indent, "Caused by: ", frames, shown);
    }
  }

  /**
   * {@code stack} without the host's frames at its outer end, and without the classes that the JVM
   * makes for lambdas, which are in the stacks of living threads only.
   */
  private static StackTraceElement[] withoutHostFrames(StackTraceElement[] whole) {
    // A loop: a stream would cost a dying JVM, which runs this for the first time, some 10 ms.
    List<StackTraceElement> shown = new ArrayList<>();
    for (StackTraceElement frame : whole) {
      if (!frame.getClassName().contains("$$Lambda")) {
        shown.add(frame);
      }
    }
    StackTraceElement[] stack = shown.toArray(NO_FRAMES);
    int end = stack.length;
    boolean fromHost = false;
    while (end > 0 && isHostFrame(stack[end - 1].getClassName())) {
      fromHost |= stack[end - 1].getClassName().startsWith(HOST_PACKAGE);
      end--;
    }
    // A thread that the processor has started has no frame of the host: frames of reflection are
    // its own.
    return withoutHostFramesWithin(fromHost ? Arrays.copyOf(stack, end) : stack);
  }

  private static StackTraceElement[] withoutHostFramesWithin(StackTraceElement[] stack) {
    List<StackTraceElement> users = new ArrayList<>();
    for (StackTraceElement frame : stack) {
      if (!frame.getClassName().startsWith(HOST_PACKAGE)) {
        users.add(frame);
      }
    }
    return users.toArray(NO_FRAMES);
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
