package eas.host;

import java.util.concurrent.locks.LockSupport;

/**
 * A thread that takes requests, calls Process with each, and completes it. No Python is involved.
 *
 * <p>Whatever Process throws costs only its own request, even an {@code Error}.
 */
class WorkerThread extends Thread {
  /**
   * As much as a thread of a C++ program has on Linux. {@code -Xss} is for the threads that the
   * processor starts.
   */
  private static final long STACK_BYTES = 8 << 20;

  final Bridge bridge;
  private final Ring ring;
  private final int number;

  /** When the last request was taken, of {@code System.nanoTime}. */
  private volatile long start;

  /** How many bytes the last output had. */
  private int written;

  /** Makes the thread with this {@code number} in its worker. It inherits nothing from its maker. */
  WorkerThread(Bridge bridge, Ring ring, int number) {
    super(null, null, "worker-thread-" + number, STACK_BYTES, false);
    this.bridge = bridge;
    this.ring = ring;
    this.number = number;
    setDaemon(true);
  }

  final int written() {
    return written;
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
    serve();
  }

  /** Answers requests until the worker is to stop. */
  void serve() {
    long request = ring.take();
    while (request != Ring.STOPPED) {
      try {
        request = answer(request);
      } catch (Throwable error) {
        completeFailed(error);
        request = ring.take();
      }
    }
  }

  /** Answers a request and takes the next. */
  private long answer(long request) {
    ErrorReport thrown = call(request);
    if (thrown == null) {
      return ring.completeAndTake(written);
    }
    completeThrown("process", thrown);
    return ring.take();
  }

  /**
   * Calls Process with a request, and puts its output, {@link #written} bytes, into its slot.
   *
   * @return what it has thrown; null if there is an output
   */
  final ErrorReport call(long request) {
    beginCall();
    WorkerCalls calls = WorkerCalls.ofThisThread();
    ErrorReport thrown = null;
    calls.change();
    try {
      Slot current = ring.slot((int) (request >>> Integer.SIZE));
      written = current.write(bridge.call(current.read((int) request)));
    } catch (Throwable error) {
      thrown = bridge.report(error);
    }
    calls.change();
    return thrown;
  }

  /**
   * Notes that a call begins. While the JVM ends, the requests of this thread are not the cause:
   * they are not completed, so that they run again in the next worker.
   */
  final void beginCall() {
    start = System.nanoTime();
    while (ExitReport.isEnding()) {
      LockSupport.park();
    }
  }

  /** Answers the request with what {@code method} has {@code thrown}. */
  final void completeThrown(String method, ErrorReport thrown) {
    HostLog.error(method + " threw " + thrown.trace());
    ring.completeThrown(thrown);
  }

  /**
   * Answers the request although {@code error}, a bug of the host's or a want of memory, has kept
   * this thread from it.
   */
  final void completeFailed(Throwable error) {
    try {
      HostLog.error("internal error while calling the processor\n" + ErrorReport.stack(error));
    } catch (Throwable again) {
      // There is not even memory for that.
    }
    ring.completeFailed();
  }
}
