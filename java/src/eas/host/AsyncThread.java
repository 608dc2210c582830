package eas.host;

import java.io.InputStream;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/**
 * A thread that calls a Process whose answers come later, or in parts, and takes other requests
 * meanwhile.
 */
final class AsyncThread extends WorkerThread {
  /** In place of the size of an output: the answer is somebody else's. */
  private static final int PASSED_ON = -1;

  private final Ring ring;
  private final OpenCalls calls;
  private final LaterInvoker processor;

  /** Whether the next request that this thread takes has a place among those under way. */
  private boolean entered;

  AsyncThread(Bridge bridge, Ring ring, int number, OpenCalls calls, LaterInvoker processor) {
    super(bridge, ring, number);
    this.ring = ring;
    this.calls = calls;
    this.processor = processor;
  }

  @Override
  void serve() {
    long request = take();
    while (request != Ring.STOPPED) {
      try {
        request = answer(request);
      } catch (Throwable error) {
        completeFailed(error); // ignored where the answer is somebody else's
        request = take();
      }
    }
    calls.stop();
  }

  /** Takes a request, when one more may be under way; or before that goes on with a parked call. */
  private long take() {
    while (!entered) {
      int seen = calls.changes();
      entered = calls.enter();
      if (!entered) {
        long parked = NativeCalls.takeParked();
        if (parked == Ring.STOPPED) {
          return Ring.STOPPED;
        }
        if (parked != NativeCalls.NONE) {
          return Ring.RESUMED | parked;
        }
        calls.awaitChange(seen);
      }
    }
    return ring.take();
  }

  /** Answers a request, or goes on with it, and takes the next. */
  private long answer(long request) {
    beginCall();
    WorkerCalls attributed = WorkerCalls.ofThisThread();
    int written = PASSED_ON;
    ErrorReport thrown = null;
    attributed.change();
    try {
      if ((request & Ring.RESUMED) != 0) {
        goOn(request & ~Ring.RESUMED);
      } else {
        Slot slot = ring.slot((int) (request >>> Integer.SIZE));
        written = begin(slot, bridge.callLater(slot.read((int) request)));
      }
    } catch (Throwable error) {
      thrown = bridge.report(error);
    }
    attributed.change();
    if (thrown != null) {
      completeThrown("process", thrown);
    } else if (written != PASSED_ON) {
      return ring.completeAndTake(written);
    }
    return take();
  }

  private void goOn(long call) throws Throwable {
    ParkedAnswer answer = calls.unpark(call);
    if (answer != null) {
      answer.goOn();
    }
  }

  /**
   * Begins the answer that comes from what Process has {@code returned}.
   *
   * @return how many bytes of it are in the slot, if it is complete; else PASSED_ON
   */
  private int begin(Slot slot, Object returned) throws Throwable {
    if (returned == null) {
      return slot.write(processor.bytes(null));
    }
    switch (processor.form()) {
      case LATER:
        CompletionStage<?> future = (CompletionStage<?>) returned;
        if (FutureAnswer.hasValue(future)) {
          return slot.write(processor.bytes(FutureAnswer.valueOf(future)));
        }
        FutureAnswer later = new FutureAnswer(calls, slot, future);
        entered = false; // its place is the answer's now
        later.begin();
        return PASSED_ON;
      case PUBLISHED:
        PublishedAnswer published = new PublishedAnswer(calls);
        entered = false;
        published.begin((Flow.Publisher<?>) returned);
        return PASSED_ON;
      default:
        new StreamedAnswer(calls, returned).goOn();
        return PASSED_ON;
    }
  }
}
