package eas.host;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A call that no thread has, since Process has returned and its answer is still to come. It ends
 * once, whoever is first: with the answer, with a failure, or because nobody waits any more.
 */
abstract class OpenCall {
  final OpenCalls calls;

  /** Its number, as {@link NativeCalls} knows it. */
  final long number;

  /** Since when it runs, of {@code System.nanoTime}. */
  final long start = System.nanoTime();

  /** Whether it counts as one that is under way. Guarded by {@code calls}. */
  boolean counts = true;

  /**
   * Held while the answer, or a part of it, is written into the slot of a call that others may end:
   * after its end the slot may be another request's.
   */
  final Object writing = new Object();

  private final AtomicBoolean ended = new AtomicBoolean();

  /** Makes one of the call that the calling thread holds. */
  OpenCall(OpenCalls calls) {
    this.calls = calls;
    number = NativeCalls.current();
  }

  /** Takes the call from the thread that holds it, the calling one. */
  final void detach() {
    NativeCalls.detach();
    try {
      calls.add(this);
    } catch (Throwable error) {
      fail("to begin an answer threw", error); // there is no memory for it
    }
    if (NativeCalls.isAbandoned(number)) {
      abandon(); // nobody will tell any more
    }
  }

  /** Whether the caller is the first one that ends it, and so has to complete it. */
  final boolean end() {
    return ended.compareAndSet(false, true);
  }

  final boolean hasEnded() {
    return ended.get();
  }

  /** Completes it, unless it has ended, with {@code error}; {@code what} has failed. */
  final void fail(String what, Throwable error) {
    if (ExitReport.isEnding() || hasEnded()) {
      return; // while the JVM ends the call is not the cause: it runs again in the next worker
    }
    ErrorReport thrown = calls.bridge().report(error);
    synchronized (writing) {
      if (!end()) {
        return;
      }
      try {
        HostLog.error(what + " " + thrown.trace());
        NativeCalls.completeThrown(number, false, thrown);
      } catch (Throwable again) {
        NativeCalls.completeFailed(number); // there is no memory for that
      }
    }
    calls.leave(this);
  }

  /** What is awaited, for the log. */
  abstract String awaited();

  /** Gives the call up, for whose answer nobody waits any more, and has it cancelled. */
  abstract void abandon();

  /** Says to what would make the answer that nobody waits for it. This is the processor's code. */
  abstract void cancel();
}
