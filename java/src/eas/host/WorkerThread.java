package eas.host;

import java.util.concurrent.locks.LockSupport;

/**
 * A thread that takes requests, calls Process with each, and completes it. No Python is involved.
 *
 * <p>Whatever Process throws costs only its own request, even an {@code Error}.
 */
final class WorkerThread extends Thread {
  /**
   * As much as a thread of a C++ program has on Linux. {@code -Xss} is for the threads that the
   * processor starts.
   */
  private static final long STACK_BYTES = 8 << 20;

  private final Bridge bridge;
  private final Ring ring;
  private final int number;

  /** When the last request was taken, of {@code System.nanoTime}. */
  private volatile long start;

  /** Makes the thread with this {@code number} in its worker. It inherits nothing from its maker. */
  WorkerThread(Bridge bridge, Ring ring, int number) {
    super(null, null, "worker-thread-" + number, STACK_BYTES, false);
    this.bridge = bridge;
    this.ring = ring;
    this.number = number;
    setDaemon(true);
  }

  /** How long ago this thread has taken its last request, whether that still runs or not. */
  long nanosSinceStart() {
    return System.nanoTime() - start;
  }

  @Override
  public void run() {
    ring.enter(number);
    WorkerCalls.enter(number);
    ThreadStacks.addWorker(this);
    ExitReport.serve();
    long request = ring.take();
    while (request != Ring.STOPPED) {
      start = System.nanoTime();
      try {
        request = answer((int) (request >>> Integer.SIZE), (int) request);
      } catch (Throwable error) {
        request = fail(error);
      }
    }
  }

  /** Answers the request in {@code slot}, with {@code size} bytes of input, and takes the next. */
  private long answer(int slot, int size) {
    blockIfJvmEnds();
    WorkerCalls calls = WorkerCalls.ofThisThread();
    int written = 0;
    ErrorReport thrown = null;
    calls.change();
    try {
      Slot current = ring.slot(slot);
      written = current.write(bridge.call(current.read(size)));
    } catch (Throwable error) {
      thrown = bridge.report(error);
    }
    calls.change();
    if (thrown == null) {
      return ring.completeAndTake(written);
    }
    HostLog.error("process threw " + thrown.trace());
    ring.completeThrown(thrown);
    return ring.take();
  }

  /**
   * While the JVM ends, the request of this thread is not the cause: it is not completed, so that
   * it runs again in the next worker.
   */
  private static void blockIfJvmEnds() {
    while (ExitReport.isEnding()) {
      LockSupport.park();
    }
  }

  /**
   * Answers the request although {@code error}, a bug of the host's or a want of memory, has kept
   * this thread from it; then takes the next one.
   */
  private long fail(Throwable error) {
    try {
      HostLog.error("internal error while calling the processor\n" + ErrorReport.stack(error));
    } catch (Throwable again) {
      // There is not even memory for that.
    }
    ring.completeFailed();
    return ring.take();
  }
}
