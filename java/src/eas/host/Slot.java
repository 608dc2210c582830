package eas.host;

import java.nio.ByteBuffer;

/**
 * One slot of the ring, as Java sees it: direct buffers over its two spans, and the last error.
 *
 * <p>Only one thread at a time has a slot, so nothing here is synchronised.
 */
final class Slot {
  private final ByteBuffer input;
  private final ByteBuffer output;

  /** What the last call threw; null if it returned. */
  ErrorReport error;

  Slot(ByteBuffer input, ByteBuffer output) {
    this.input = input;
    this.output = output;
  }

  /**
   * A copy of the first {@code size} bytes of the input, which the user may keep and change.
   */
  byte[] read(int size) {
    byte[] bytes = new byte[size];
    input.clear();
    input.get(bytes);
    return bytes;
  }

  /** Copies {@code bytes} into the output. Returns whether there is room for them. */
  boolean write(byte[] bytes) {
    output.clear();
    if (bytes.length > output.remaining()) {
      return false;
    }
    output.put(bytes);
    return true;
  }
}
