package eas.host;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;

/** The answer that a future will have, on whichever thread, or never. */
final class FutureAnswer extends OpenCall implements BiConsumer<Object, Throwable> {
  private final CompletionStage<?> future;
  private final Slot slot;

  /** Makes the answer to the request in {@code slot}, which the calling thread holds. */
  FutureAnswer(OpenCalls calls, Slot slot, CompletionStage<?> future) {
    super(calls);
    this.slot = slot;
    this.future = future;
  }

  /**
   * Whether {@code future} has its answer already, so that {@link #valueOf} returns it. A class
   * that extends CompletableFuture need not be able to say so: not even each of the JDK's is.
   */
  static boolean hasValue(CompletionStage<?> future) {
    if (future.getClass() != CompletableFuture.class) {
      return false;
    }
    CompletableFuture<?> known = (CompletableFuture<?>) future;
    return known.isDone() && !known.isCompletedExceptionally() && isAnswer(valueOf(known));
  }

  static Object valueOf(CompletionStage<?> future) {
    return ((CompletableFuture<?>) future).getNow(null);
  }

  private static boolean isAnswer(Object value) {
    return value == null || value instanceof byte[];
  }

  /** Has the future answer the call, which no thread has from here on. */
  void begin() {
    detach();
    try {
      future.whenComplete(this);
    } catch (Throwable error) {
      fail("the future that process returned threw", error);
    }
  }

  @Override
  public void accept(Object value, Throwable error) {
    if (error != null) {
      fail("the future that process returned failed with", causeOf(error));
      return;
    }
    byte[] output;
    try {
      output = calls.bytes(value);
    } catch (ClassCastException odd) {
      fail("the future that process returned has no answer:", odd);
      return;
    }
    if (!ExitReport.isEnding() && end()) {
      NativeCalls.complete(number, slot.write(output));
      calls.leave(this);
    }
  }

  @Override
  String awaited() {
    return "the future that process returned is not complete";
  }

  @Override
  void abandon() {
    if (end()) {
      NativeCalls.complete(number, 0);
      calls.leave(this);
      calls.cancelSoon(this);
    }
  }

  @Override
  void cancel() {
    try {
      Future<?> cancelled =
          future instanceof Future ? (Future<?>) future : future.toCompletableFuture();
      cancelled.cancel(true);
    } catch (UnsupportedOperationException error) {
      // A stage of the processor's own, which cannot be cancelled.
    }
  }

  /** What a future failed with, without the CompletionException that was put around it. */
  private static Throwable causeOf(Throwable error) {
    Throwable cause = error;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }
}
