package eas.host;

import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An answer whose parts a publisher sends, on whichever threads.
 *
 * <p>The next part is requested when the last one is in the ring, so a slow client slows the
 * publisher down, and keeps no thread: its call is parked, and a thread of the worker that finds
 * room sends the rest of the part and requests the next.
 */
final class PublishedAnswer extends OpenCall implements Flow.Subscriber<Object>, ParkedAnswer {
  private static final String FAILED = "the publisher that process returned failed with";

  /** Calls of the subscription that are still to be made, the one that is being made included. */
  private final AtomicInteger wanted = new AtomicInteger();

  private volatile Flow.Subscription subscription;

  /** No part is wanted any more. */
  private volatile boolean cancelled;

  /** The subscription was told. Only the thread that makes its calls uses this. */
  private boolean toldCancelled;

  // Guarded by this.

  /** The next part was requested, and has not come yet. */
  private boolean requested;

  /** A part has come, and not all of it is in the ring yet. */
  private boolean sending;

  private boolean completed;
  private Throwable failure;

  // Of the part that is being sent, by whoever has it.

  private byte[] part;
  private int from;

  /** Makes an answer to the call that the calling thread holds. */
  PublishedAnswer(OpenCalls calls) {
    super(calls);
  }

  /** Has {@code publisher} answer the call, which no thread has from here on. */
  void begin(Flow.Publisher<?> publisher) {
    detach();
    try {
      publisher.subscribe(this);
    } catch (Throwable error) {
      failLast(error);
    }
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    boolean first = this.subscription == null;
    if (first) {
      this.subscription = subscription;
    }
    if (!first) {
      subscription.cancel();
    } else if (hasEnded()) {
      cancel();
    } else {
      callSubscription(); // for the next part
    }
  }

  @Override
  public void onNext(Object item) {
    if (!takePart()) {
      refusePart();
      return;
    }
    try {
      if (item == null) {
        throw new NullPointerException("it has sent null as a part");
      }
      part = calls.bytes(item);
    } catch (RuntimeException odd) {
      fail(FAILED, odd);
      cancel();
      return;
    }
    from = 0;
    send();
  }

  /** Whether the part that has come was requested; it is being sent from here on. */
  private synchronized boolean takePart() {
    boolean right = requested;
    requested = false;
    sending |= right;
    return right;
  }

  /** Fails the answer for a part that was not requested. After the publisher's end it is ignored. */
  private void refusePart() {
    synchronized (this) {
      if (completed || failure != null) {
        return;
      }
    }
    cancel();
    failLast(new IllegalStateException("it has sent a part that was not requested"));
  }

  @Override
  public void onComplete() {
    synchronized (this) {
      completed = true;
      if (sending) {
        return;
      }
    }
    finish();
  }

  @Override
  public void onError(Throwable error) {
    failLast(error);
  }

  /** Fails the answer when all that has come before is sent. */
  private void failLast(Throwable error) {
    synchronized (this) {
      failure = error;
      if (sending) {
        return;
      }
    }
    fail(FAILED, error);
  }

  @Override
  public void goOn() {
    NativeCalls.detach();
    send();
  }

  /** Sends what is left of the part; then requests the next, or ends the answer. */
  private void send() {
    int left = write();
    if (left == NativeCalls.CLOSED) {
      abandon();
      return;
    }
    if (left > 0) {
      return; // another thread may have the call already
    }
    Throwable failed;
    boolean ends;
    synchronized (this) {
      sending = false;
      failed = failure;
      ends = completed;
    }
    if (failed != null) {
      fail(FAILED, failed);
    } else if (ends) {
      finish();
    } else {
      callSubscription(); // for the next part
    }
  }

  /**
   * Writes of the part what there is room for. If not all of it, the call is parked.
   *
   * @return how many bytes are left; or CLOSED if nobody waits for them
   */
  private int write() {
    synchronized (writing) {
      int size = part.length - from;
      int sent = 0;
      if (hasEnded()) {
        sent = NativeCalls.CLOSED;
      } else if (size > 0) {
        sent = NativeCalls.send(number, false, part, from, size);
      }
      if (sent == NativeCalls.CLOSED) {
        return NativeCalls.CLOSED;
      }
      if (size > 0) {
        calls.begun(this);
      }
      from += sent;
      if (sent < size) {
        calls.park(number, this); // before a thread can have it
        NativeCalls.park(number, false);
      }
      return size - sent;
    }
  }

  /**
   * Calls the subscription: to request a part, or to cancel once no part is wanted any more. If a
   * thread does so already, this returns at once, and that one makes this call, too. So there is
   * one at a time, as Flow's rule 2.7 wants it; and where a publisher sends a part before its
   * request returns, the stack does not grow with each part.
   */
  private void callSubscription() {
    if (wanted.getAndIncrement() > 0) {
      return;
    }
    do {
      if (cancelled) {
        tellCancelled();
      } else {
        requestOne();
      }
    } while (wanted.decrementAndGet() > 0);
  }

  private void requestOne() {
    synchronized (this) {
      requested = true;
    }
    try {
      subscription.request(1);
    } catch (Throwable error) {
      failLast(error);
    }
  }

  private void tellCancelled() {
    if (toldCancelled) {
      return;
    }
    toldCancelled = true;
    try {
      subscription.cancel();
    } catch (Throwable error) {
      OpenCalls.logCancelFailed(error);
    }
  }

  private void finish() {
    synchronized (writing) {
      if (!end()) {
        return;
      }
      NativeCalls.end(number, false);
    }
    calls.leave(this);
  }

  @Override
  String awaited() {
    return "the publisher that process returned has not sent its next part";
  }

  @Override
  void abandon() {
    boolean first;
    synchronized (writing) {
      first = end();
      // Also if another thread has ended it: this one may have held the call then.
      NativeCalls.end(number, false);
    }
    if (first) {
      calls.leave(this);
      calls.cancelSoon(this);
    }
  }

  @Override
  void cancel() {
    cancelled = true;
    if (subscription != null) {
      callSubscription(); // else it is cancelled as soon as it is known
    }
  }
}
