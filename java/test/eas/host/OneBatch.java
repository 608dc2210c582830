package eas.host;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A ring with one batch, which ends when its requests are complete. */
final class OneBatch implements BatchRing {
  private static final int CAPACITY = 64;

  private final Slot[] slots;
  private final ByteBuffer[] outputs;
  private final long[] requests;
  private final String[] answers;
  private final List<String> calls = new ArrayList<>();

  private LongBuffer batch;
  private int selected;
  private boolean alone;
  private boolean failing;

  OneBatch(String... inputs) {
    slots = new Slot[inputs.length];
    outputs = new ByteBuffer[inputs.length];
    requests = new long[inputs.length];
    answers = new String[inputs.length];
    for (int i = 0; i < inputs.length; i++) {
      byte[] input = inputs[i].getBytes(StandardCharsets.UTF_8);
      outputs[i] = ByteBuffer.allocateDirect(CAPACITY);
      slots[i] = new Slot(ByteBuffer.allocateDirect(input.length).put(input), outputs[i]);
      requests[i] = (long) i << Integer.SIZE | input.length;
    }
  }

  /** Has its first request run by itself. */
  OneBatch alone() {
    alone = true;
    return this;
  }

  /** Has the end of the call throw, as only a bug of the host's could. */
  OneBatch failing() {
    failing = true;
    return this;
  }

  /** What each request is answered, and null where nothing was. */
  List<String> answers() {
    return Arrays.asList(answers);
  }

  /** Which methods were called, in their order. */
  String calls() {
    return String.join(" ", calls);
  }

  @Override
  public int maxBatch() {
    return slots.length;
  }

  @Override
  public void openBatches(int size) {
    calls.add("open");
  }

  @Override
  public LongBuffer batch(int size) {
    batch = LongBuffer.allocate(2 * size);
    return batch;
  }

  @Override
  public int takeBatch() {
    boolean first = !calls.contains("take");
    calls.add("take");
    for (int i = 0; i < requests.length && first; i++) {
      batch.put(i, requests[i]);
    }
    return first ? alone ? ALONE : requests.length : NONE;
  }

  @Override
  public int completeBatchAndTake() {
    for (int i = 0; i < answers.length; i++) {
      answers[i] = text(i, (int) batch.get(answers.length + i));
    }
    calls.add("all");
    return takeBatch();
  }

  @Override
  public void endBatch() {
    calls.add("end");
    if (failing) {
      throw new IllegalStateException("no end");
    }
  }

  @Override
  public void select(int number) {
    selected = number;
  }

  @Override
  public void complete(int size) {
    answer(text(selected, size));
  }

  @Override
  public void completeThrown(ErrorReport thrown) {
    answer("raised: " + thrown.message());
  }

  @Override
  public void completeFailed() {
    answer("failed");
  }

  @Override
  public void enter(int number) {}

  @Override
  public Slot slot(int number) {
    return slots[number];
  }

  @Override
  public long take() {
    throw new AssertionError("it takes batches");
  }

  @Override
  public long completeAndTake(int size) {
    throw new AssertionError("it takes batches");
  }

  private void answer(String text) {
    calls.add("one");
    answers[selected] = text;
  }

  private String text(int number, int size) {
    byte[] bytes = new byte[size];
    outputs[number].clear().get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
