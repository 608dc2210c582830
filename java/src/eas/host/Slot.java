package eas.host;

import java.nio.ByteBuffer;

/**
 * One slot of the ring, as Java sees it: direct buffers over its two spans.
 *
 * <p>Only one thread at a time has a slot, so nothing here is synchronised.
 */
final class Slot {
  private final ByteBuffer input;
  private final ByteBuffer output;

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

  /** Copies {@code bytes} into the output if there is room for them. Returns how many there are. */
  int write(byte[] bytes) {
    output.clear();
    if (bytes.length <= output.remaining()) {
      output.put(bytes);
    }
    return bytes.length;
  }
}
