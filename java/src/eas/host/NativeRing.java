package eas.host;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The ring in shared memory.
 *
 * <p>The launcher (java/native/natives.cc) implements the native methods, by the functions of
 * native/src/api.h and batching.h.
 */
final class NativeRing implements BatchRing {
  /**
   * Each slot once it is used. Any thread may find it here, or make it again: a slot has no state
   * but its buffers, which are final.
   */
  private final Slot[] slots = new Slot[slotCount()];

  @Override
  public native void enter(int number);

  @Override
  public native long take();

  @Override
  public Slot slot(int number) {
    Slot slot = slots[number];
    if (slot == null) {
      slot = new Slot(buffer(number, false), buffer(number, true));
      slots[number] = slot;
    }
    return slot;
  }

  @Override
  public native long completeAndTake(int size);

  @Override
  public void completeThrown(ErrorReport thrown) {
    completeThrown(utf8(thrown.message()), utf8(thrown.frames()));
  }

  @Override
  public native void completeFailed();

  @Override
  public native int maxBatch();

  @Override
  public native void openBatches(int size);

  @Override
  public LongBuffer batch(int size) {
    return batchBuffer(size).order(ByteOrder.nativeOrder()).asLongBuffer();
  }

  @Override
  public native int takeBatch();

  @Override
  public native int completeBatchAndTake();

  @Override
  public native void endBatch();

  @Override
  public native void select(int number);

  @Override
  public native void complete(int size);

  private native ByteBuffer batchBuffer(int size);

  /** The message is for the client, the frames for those clients who may see them. */
  private static native void completeThrown(byte[] message, byte[] frames);

  private static native int slotCount();

  /** A direct buffer over the input, or the {@code output}, of a slot. */
  private static native ByteBuffer buffer(int slot, boolean output);

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
