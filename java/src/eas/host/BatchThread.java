package eas.host;

import java.nio.LongBuffer;

/**
 * A thread that takes several requests as a batch, and gives them to Process in one call.
 *
 * <p>If that call fails for several, each of them runs again by itself, so that one bad input costs
 * one answer. A batch of one request is a batch, too, but answered with what it has thrown.
 */
final class BatchThread extends WorkerThread {
  private final BatchRing ring;

  /** How many requests a batch has at most. */
  private final int size;

  private LongBuffer batch;

  BatchThread(Bridge bridge, BatchRing ring, int number, int size) {
    super(bridge, ring, number);
    this.ring = ring;
    this.size = size;
  }

  @Override
  void serve() {
    batch = ring.batch(size);
    int taken = ring.takeBatch();
    while (taken != BatchRing.NONE) {
      try {
        taken = answer(taken);
      } catch (Throwable error) {
        for (int i = 0; i < size; i++) {
          ring.select(i);
          completeFailed(error); // ignored where it is complete
        }
        taken = ring.takeBatch();
      }
    }
  }

  /** Answers what was taken, and takes the next batch. */
  private int answer(int taken) {
    if (taken != BatchRing.ALONE) {
      return answerTogether(taken);
    }
    answerSingly(1);
    return ring.takeBatch();
  }

  private int answerTogether(int count) {
    WorkerCalls calls = WorkerCalls.ofThisThread();
    String wrong = null;
    ErrorReport thrown = null;
    beginCall();
    calls.change();
    try {
      wrong = callTogether(count);
    } catch (Throwable error) {
      thrown = bridge.report(error);
    }
    calls.change();
    if (wrong == null && thrown == null) {
      return ring.completeBatchAndTake();
    }
    ring.endBatch();
    if (thrown != null && count == 1) {
      answerThrown(thrown);
    } else {
      log(wrong == null ? "threw" : wrong, count, thrown);
      answerSingly(count);
    }
    return ring.takeBatch();
  }

  /**
   * Calls Process with the batch, and puts its outputs into the slots.
   *
   * @return what is wrong with the array that it has returned; null if nothing is
   */
  private String callTogether(int count) throws Throwable {
    byte[][] inputs = new byte[count][];
    for (int i = 0; i < count; i++) {
      inputs[i] = slot(i).read((int) batch.get(i));
    }
    byte[][] outputs = bridge.call(inputs);
    String wrong = BatchInvoker.wrong(outputs, count);
    for (int i = 0; i < count && wrong == null; i++) {
      batch.put(size + i, slot(i).write(bridge.batches().orEmpty(outputs[i])));
    }
    return wrong;
  }

  private Slot slot(int number) {
    return ring.slot((int) (batch.get(number) >>> Integer.SIZE));
  }

  /** Answers the first requests of the batch one after the other. */
  private void answerSingly(int count) {
    for (int i = 0; i < count; i++) {
      ring.select(i);
      try {
        ErrorReport thrown = call(batch.get(i));
        if (thrown == null) {
          ring.complete(written());
        } else {
          completeThrown("process", thrown);
        }
      } catch (Throwable error) {
        completeFailed(error);
      }
    }
  }

  private void answerThrown(ErrorReport thrown) {
    ring.select(0);
    try {
      completeThrown(bridge.batches().name(), thrown);
    } catch (Throwable error) {
      completeFailed(error);
    }
  }

  /** Says what the call has done, and what becomes of its {@code count} requests. */
  private void log(String what, int count, ErrorReport thrown) {
    try {
      String requests =
          count == 1
              ? " for one request, which runs again in Process"
              : " for a batch; its " + count + " requests run again, each by itself, in Process";
      String trace = thrown == null ? "" : ": " + thrown.trace();
      HostLog.warn(bridge.batches().name() + " " + what + requests + trace);
    } catch (Throwable error) {
      // There is no memory for that.
    }
  }
}
