package eas.host;

/**
 * The ring that requests come from, as the threads that call the processor see it. Each of them
 * holds one request at a time.
 */
interface Ring {
  /** What stands in place of a request when the worker is to stop. */
  long STOPPED = -1;

  /**
   * A bit in place of a request: below it stands the number of a call that was parked ({@link
   * NativeCalls}), and that the calling thread holds now.
   */
  long RESUMED = 1L << 62;

  /** Prepares the calling thread, which has this {@code number} in its worker. */
  void enter(int number);

  /**
   * Waits for a request and takes it.
   *
   * @return its slot above the size of its input, 32 bits each; {@link #STOPPED}; or {@link
   *     #RESUMED} with a call, if there are parked ones
   */
  long take();

  /** The slot of a request that the calling thread holds. */
  Slot slot(int number);

  /**
   * Completes the request of the calling thread, whose output of {@code size} bytes is in its slot
   * unless it was too large; then takes the next one.
   */
  long completeAndTake(int size);

  /** Completes the request with what Process has {@code thrown}. */
  void completeThrown(ErrorReport thrown);

  /** Completes the request with an internal error of the host. */
  void completeFailed();
}
