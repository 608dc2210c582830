package eas.host;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The calls of this process whose answers come later than Process returns, or in parts.
 *
 * <p>A thread takes a request only if one more may be under way: {@link #enter} before, and {@link
 * #leave} once it is answered. An answer in parts counts until it has begun, since its client may
 * read it for long.
 */
final class OpenCalls {
  /** How long the thread lives that cancels, when it has nothing to do. */
  private static final long IDLE_SECONDS = 10;

  /** How soon what comes without an event is seen while the worker stops. */
  private static final long STOPPING_MILLIS = 100;

  /** How many calls {@link #describe} names. */
  private static final int MAX_DESCRIBED = 10;

  /** Under load thousands of calls may be abandoned at once: one of them is enough to see why. */
  private static final long LOG_NANOS = 1_000_000_000;

  private final Bridge bridge;
  private final LaterInvoker processor;

  /** How many may be under way. */
  private final int max;

  private final Map<Long, OpenCall> open = new HashMap<>();
  private final Map<Long, ParkedAnswer> parked = new HashMap<>();

  private int underWay;

  /** How often something has changed for which a thread may wait. */
  private int changes;

  private boolean stopped;

  /** When an abandoned call was logged last; only the thread that watches them uses it. */
  private long lastLogged = System.nanoTime() - LOG_NANOS;

  /**
   * One that hangs in the processor's code keeps others from being told, but nothing else. A
   * publisher that is inside a request is told by the thread that has made that.
   */
  private final ThreadPoolExecutor canceller =
      new ThreadPoolExecutor(
          1, 1, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), OpenCalls::thread);

  OpenCalls(Bridge bridge, LaterInvoker processor, int max) {
    this.bridge = bridge;
    this.processor = processor;
    this.max = processor.detaches() ? max : Integer.MAX_VALUE;
    canceller.allowCoreThreadTimeOut(true);
  }

  Bridge bridge() {
    return bridge;
  }

  /** The bytes of an answer, or of a part. */
  byte[] bytes(Object output) {
    return processor.bytes(output);
  }

  /** Takes a place among those that are under way, if there is one, or if the worker stops. */
  synchronized boolean enter() {
    if (underWay >= max && !stopped) {
      return false;
    }
    underWay++;
    return true;
  }

  /** Notes a call, which has the place of the thread that took it. */
  synchronized void add(OpenCall call) {
    open.put(call.number, call);
  }

  /** Notes that the answer to {@code call} has begun. */
  synchronized void begun(OpenCall call) {
    if (call.counts) {
      call.counts = false;
      underWay--;
      change();
    }
  }

  /** Notes that {@code call} is completed. */
  synchronized void leave(OpenCall call) {
    open.remove(call.number, call);
    parked.remove(call.number);
    begun(call);
    change();
  }

  /** Notes that {@code answer} is to go on as soon as the ring gives the call to a thread. */
  synchronized void park(long call, ParkedAnswer answer) {
    parked.put(call, answer);
  }

  /** The answer that goes on with a {@code call} which the ring has given to a thread. */
  synchronized ParkedAnswer unpark(long call) {
    return parked.remove(call);
  }

  /** How often something has changed so far. */
  synchronized int changes() {
    return changes;
  }

  /** Waits until something changes for the first time since there were so many {@code changes}. */
  synchronized void awaitChange(int seen) {
    while (changes == seen) {
      pause(0);
    }
  }

  /** Notes that something has changed. */
  synchronized void change() {
    changes++;
    notifyAll();
  }

  /** Notes that no request will be taken any more. */
  synchronized void stop() {
    stopped = true;
    change();
  }

  /** Has {@code call} cancelled on a thread that does nothing else. */
  void cancelSoon(OpenCall call) {
    canceller.execute(() -> cancel(call));
  }

  /**
   * Gives up the calls for whose answers nobody waits any more, whenever that is so, until the
   * worker stops and no call is open.
   */
  void watch() {
    while (!isOver()) {
      int seen = NativeCalls.events();
      List<OpenCall> abandoned = abandoned();
      logAbandoned(abandoned);
      for (OpenCall call : abandoned) {
        call.abandon();
      }
      change(); // a parked call may go on
      NativeCalls.waitForEvent(seen);
      if (NativeCalls.events() == seen) {
        awaitEnd();
      }
    }
  }

  /** What is awaited of the calls that no thread has, a line for each; empty without any. */
  synchronized String describe() {
    long now = System.nanoTime();
    List<OpenCall> awaited = new ArrayList<>(open.values());
    awaited.removeIf(call -> parked.containsKey(call.number));
    awaited.sort(Comparator.comparingLong(call -> call.start - now));
    StringBuilder lines = new StringBuilder();
    for (OpenCall call : awaited.subList(0, Math.min(awaited.size(), MAX_DESCRIBED))) {
      double seconds = (now - call.start) / 1e9;
      lines.append(String.format("  for %.1f s: %s%n", seconds, call.awaited()));
    }
    if (awaited.size() > MAX_DESCRIBED) {
      lines.append("  and ").append(awaited.size() - MAX_DESCRIBED).append(" more\n");
    }
    return lines.toString();
  }

  private synchronized boolean isOver() {
    return stopped && open.isEmpty();
  }

  private synchronized List<OpenCall> abandoned() {
    List<OpenCall> found = new ArrayList<>();
    for (OpenCall call : open.values()) {
      if (NativeCalls.isAbandoned(call.number) && !parked.containsKey(call.number)) {
        found.add(call);
      }
    }
    return found;
  }

  /** Says of those whose answers have not begun what was awaited, once a second. */
  private void logAbandoned(List<OpenCall> abandoned) {
    long now = System.nanoTime();
    for (OpenCall call : abandoned) {
      if (call.counts && now - lastLogged >= LOG_NANOS) {
        lastLogged = now;
        double seconds = (now - call.start) / 1e9;
        String since = String.format("after %.1f s nobody waits any more: ", seconds);
        HostLog.warn(since + call.awaited() + "; it is cancelled");
      }
    }
  }

  /** Waits a moment where there may be no more events: a stop was asked. */
  private synchronized void awaitEnd() {
    change(); // who waits for a place is to see that
    if (!isOver()) {
      pause(STOPPING_MILLIS);
    }
  }

  private void pause(long millis) {
    try {
      wait(millis);
    } catch (InterruptedException error) {
      // The processor's code has interrupted a thread of the host: that means nothing here.
    }
  }

  private static void cancel(OpenCall call) {
    try {
      call.cancel();
    } catch (Throwable error) {
      logCancelFailed(error);
    }
  }

  /** Logs what the processor's code has thrown when an answer was cancelled. */
  static void logCancelFailed(Throwable error) {
    HostLog.error("to cancel an answer threw " + ErrorReport.ofCall(error, null).trace());
  }

  private static Thread thread(Runnable task) {
    return daemon(task, "eas-host-cancel");
  }

  /** A thread of the host's own. */
  static Thread daemon(Runnable task, String name) {
    Thread thread = new Thread(null, task, name, 0, false);
    thread.setDaemon(true);
    return thread;
  }
}
