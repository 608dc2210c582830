package eas.host;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A ring with one request, which ends when that is complete. */
final class OneRequest implements Ring {
  private static final int SLOT = 3;

  private final ByteBuffer output;
  private final Slot slot;
  private final int size;

  private boolean taken;
  private String answer;
  private String trace;

  /** Makes one with this {@code input} and so much room for the output. */
  OneRequest(byte[] input, int capacity) {
    output = ByteBuffer.allocateDirect(capacity);
    slot = new Slot(ByteBuffer.allocateDirect(input.length).put(input), output);
    size = input.length;
  }

  /** The output, or "raised: " and the message, or "too large: " and the size. */
  String answer() {
    return answer;
  }

  /** The trace of what Process has thrown. */
  String trace() {
    return trace;
  }

  @Override
  public void enter(int number) {}

  @Override
  public long take() {
    if (taken) {
      return STOPPED;
    }
    taken = true;
    return (long) SLOT << Integer.SIZE | size;
  }

  @Override
  public Slot slot(int number) {
    Check.same(SLOT, number);
    return slot;
  }

  @Override
  public long completeAndTake(int written) {
    if (written > output.capacity()) {
      answer = "too large: " + written;
      return take();
    }
    byte[] bytes = new byte[written];
    output.clear().get(bytes);
    answer = new String(bytes, StandardCharsets.UTF_8);
    return take();
  }

  @Override
  public void completeThrown(ErrorReport thrown) {
    answer = "raised: " + thrown.message();
    trace = thrown.trace();
  }

  @Override
  public void completeFailed() {
    answer = "failed";
  }
}
