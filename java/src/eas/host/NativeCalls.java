package eas.host;

import java.nio.charset.StandardCharsets;

/**
 * Requests in the ring that are answered later than their threads take others, or in parts.
 *
 * <p>Such a call is a number, which no other one has. It is <i>held</i> while the thread that took
 * it has it; after {@link #detach} or {@link #park} no thread has it, and any may answer it. What
 * is done to a call that is answered already, or that is held where it is said not to be, is
 * ignored.
 *
 * <p>The launcher (java/native/parts_natives.cc) implements the native methods, by the functions of
 * native/src/parts.h.
 */
final class NativeCalls {
  /** What stands in place of a call where there is none. */
  static final long NONE = -2;

  /** What {@link #send} returns if nobody waits for the answer any more. */
  static final int CLOSED = -1;

  private NativeCalls() {}

  /** The call that the calling thread holds. */
  static native long current();

  /** Takes from the calling thread the call that it holds. */
  static native void detach();

  /**
   * Takes the {@code call}, for whose part there was no room, from its thread, if one holds it. The
   * ring gives it to a thread again when there is room, or nobody waits for the answer any more.
   */
  static native void park(long call, boolean held);

  /**
   * For a thread that can take no request now: a parked call that may go on, which this thread
   * holds from here on; {@link Ring#STOPPED}; or {@link #NONE}.
   */
  static native long takeParked();

  /**
   * Sends {@code size} bytes of {@code part} as a part of the answer.
   *
   * @return how many there was room for, or {@link #CLOSED}
   */
  static native int send(long call, boolean held, byte[] part, int from, int size);

  /** Ends an answer in parts, also one that has none. */
  static native void end(long call, boolean held);

  /**
   * Completes a call that no thread holds; its output of {@code size} bytes is in its slot unless
   * it was too large.
   */
  static native void complete(long call, int size);

  /** Completes the call with what was {@code thrown}. An answer that has begun is cut. */
  static void completeThrown(long call, boolean held, ErrorReport thrown) {
    byte[] message = thrown.message().getBytes(StandardCharsets.UTF_8);
    completeThrown(call, held, message, thrown.frames().getBytes(StandardCharsets.UTF_8));
  }

  /** Completes a call that no thread holds with an internal error of the host. */
  static native void completeFailed(long call);

  /** Whether nobody waits for the answer any more. */
  static native boolean isAbandoned(long call);

  /**
   * The number of events so far: there is room for parts again, or nobody waits for an answer any
   * more.
   */
  static native int events();

  /** Waits until the number is another one than {@code seen}, or a stop is asked. */
  static native void waitForEvent(int seen);

  /** Says that so many requests may be under way in this worker, more than it has threads. */
  static native void setMaxInFlight(int requests);

  private static native void completeThrown(
      long call, boolean held, byte[] message, byte[] frames);
}
