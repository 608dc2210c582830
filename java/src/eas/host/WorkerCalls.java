package eas.host;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The calls of one worker thread, one after the other, and which threads of the processor's own
 * each of them has started.
 *
 * <p>If such a thread ends the JVM while the call still runs, the call is the cause, and its
 * request must not run again in the next worker. A thread knows its origin by inheritance: it costs
 * nothing until a thread is started. Threads that a pool has started for an earlier call are not
 * attributed to anyone.
 */
final class WorkerCalls {
  /** No thread of the host's. */
  static final int NOBODY = -1;

  private static final InheritableThreadLocal<Origin> ORIGIN =
      new InheritableThreadLocal<>() {
        @Override
        protected Origin childValue(Origin parent) {
          return parent.ofChild();
        }
      };

  private final int thread;

  /** How often a call has begun or ended: it is odd while one runs. */
  private final AtomicLong changes = new AtomicLong();

  private WorkerCalls(int thread) {
    this.thread = thread;
  }

  /** Notes that the calling thread has this {@code number} among the worker's threads. */
  static void enter(int number) {
    ORIGIN.set(new Origin(new WorkerCalls(number), 0));
  }

  /** The calls of the calling thread. */
  static WorkerCalls ofThisThread() {
    if (ORIGIN.get() == null) {
      enter(NOBODY);
    }
    return ORIGIN.get().calls;
  }

  /**
   * The number of the worker thread whose call runs still and has started the calling thread;
   * {@code NOBODY} if there is none.
   */
  static int starter() {
    Origin origin = ORIGIN.get();
    return origin != null && origin.runs() ? origin.calls.thread : NOBODY;
  }

  /** Notes that a call begins, or that it has ended. */
  void change() {
    changes.lazySet(changes.get() + 1); // only this thread writes it, and for each request
  }

  /** The call in which a thread was started, or those of the worker thread itself. */
  private static final class Origin {
    private final WorkerCalls calls;

    /** The value of {@code changes} then; 0 for the worker thread itself. */
    private final long then;

    private Origin(WorkerCalls calls, long then) {
      this.calls = calls;
      this.then = then;
    }

    private Origin ofChild() {
      return then == 0 ? new Origin(calls, calls.changes.get()) : this;
    }

    private boolean runs() {
      return then % 2 == 1 && then == calls.changes.get();
    }
  }
}
