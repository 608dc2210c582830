package eas.host;

import java.nio.charset.StandardCharsets;

/**
 * Writes records to the host's log, which adds the time and the worker's number.
 *
 * <p>What a processor prints has neither. The launcher (java/native/natives.cc) implements the
 * native method.
 */
final class HostLog {
  private HostLog() {}

  static void error(String text) {
    write('E', text);
  }

  static void warn(String text) {
    write('W', text);
  }

  private static void write(char level, String text) {
    try {
      write((byte) level, text.getBytes(StandardCharsets.UTF_8));
    } catch (UnsatisfiedLinkError error) {
      System.err.println(text); // there is no host: a test
    }
  }

  private static native void write(byte level, byte[] text);
}
