package eas.host;

import java.nio.LongBuffer;

/**
 * The ring as threads see it that take several requests at once, as a batch. Which of them go
 * together, and when, is decided in C++ (native/src/batch_rule.h).
 */
interface BatchRing extends Ring {
  /** What stands in place of the number of requests when the worker is to stop. */
  int NONE = 0;

  /** The same for one request that must run by itself, since it may have ended a worker. */
  int ALONE = -1;

  /** How many requests the host wants in a batch at most; 0: it wants no batches. */
  int maxBatch();

  /** Says that the threads of this worker take batches of up to {@code size} requests. */
  void openBatches(int size);

  /**
   * The batch of the calling thread, which has entered. The first {@code size} numbers are its
   * requests, each the slot above the size of the input, 32 bits each; as many further ones are for
   * the sizes of the outputs.
   */
  LongBuffer batch(int size);

  /**
   * Waits for requests and takes a batch. Unless it is {@link #ALONE}, the time of its call begins
   * here.
   *
   * @return how many there are; or {@link #NONE}
   */
  int takeBatch();

  /**
   * Ends the call. Completes all requests of the batch with the outputs that are in their slots,
   * unless these were too large; then takes the next batch.
   */
  int completeBatchAndTake();

  /** Ends the call, which has answered none of its requests. */
  void endBatch();

  /** Makes the request with this {@code number} in the batch the one of the calling thread. */
  void select(int number);

  /** As {@link #completeAndTake}, but takes none. */
  void complete(int size);
}
