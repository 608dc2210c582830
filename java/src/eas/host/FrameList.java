package eas.host;

import java.util.Set;

/**
 * Prints the frames of a stack, one line for each.
 *
 * <p>A recursion shows as its frames once and how often they repeat. Otherwise a stack overflow,
 * whose trace has 1024 frames, would hide where the recursion began to be one.
 */
final class FrameList {
  /** The most frames of one stack that are printed. */
  private static final int MAX_FRAMES = 64;

  /** The longest recursion, in frames, that is recognised. */
  private static final int MAX_PERIOD = 16;

  /** How often frames must come before they count as a recursion. */
  private static final int MIN_TIMES = 3;

  private static final Set<String> JDK_LOADERS = Set.of("app", "platform");

  private FrameList() {}

  /** Appends the first {@code own} of {@code frames}, {@code MAX_FRAMES} lines at most. */
  static void append(StringBuilder out, String indent, StackTraceElement[] frames, int own) {
    int lines = 0;
    int i = 0;
    while (i < own && lines < MAX_FRAMES) {
      int period = periodAt(frames, i, own);
      int times = period == 0 ? 1 : timesAt(frames, i, own, period);
      int length = Math.max(1, period);
      for (int j = i; j < i + length; j++) {
        out.append(indent).append("  at ").append(withoutLoaderName(frames[j])).append('\n');
      }
      if (times > 1) {
        String what = length == 1 ? "this frame" : "these " + length + " frames";
        out.append(indent).append("  ... ").append(what).append(' ').append(times - 1);
        out.append(" times more\n");
      }
      lines += length;
      i += length * times;
    }
    if (i < frames.length) {
      out.append(indent).append("  ... ").append(frames.length - i).append(" more\n");
    }
  }

  /** The shortest recursion that begins with frame {@code start}, in frames; 0 if none does. */
  private static int periodAt(StackTraceElement[] frames, int start, int end) {
    for (int period = 1; period <= MAX_PERIOD; period++) {
      if (timesAt(frames, start, end, period) >= MIN_TIMES) {
        return period;
      }
    }
    return 0;
  }

  /** How often the {@code period} frames from {@code start} come one after the other. */
  private static int timesAt(StackTraceElement[] frames, int start, int end, int period) {
    int i = start + period;
    while (i < end && frames[i].equals(frames[i - period])) {
      i++;
    }
    return (i - start) / period;
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
}
