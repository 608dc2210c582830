package eas.host;

import java.nio.ByteBuffer;

/**
 * One slot of the ring, as Java sees it: direct buffers over its two spans, and the last failure.
 *
 * <p>A slot belongs to one thread at a time, so nothing here is synchronised.
 */
final class Slot {
  private final ByteBuffer input;
  private final ByteBuffer output;

  /** Why the last call failed; null if it did not. */
  Failure failure;

  Slot(ByteBuffer input, ByteBuffer output) {
    this.input = input;
    this.output = output;
  }

  /**
   * A copy of the first {@code size} bytes of the input: an array of the user's own, to keep or to
   * change.
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
