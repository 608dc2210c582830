package eas.host;

import java.lang.management.ManagementFactory;
import java.lang.management.MonitorInfo;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Finds the threads that wait for one another's locks, and says in a line what each waits for. */
final class Deadlocks {
  private Deadlocks() {}

  /** The threads in a deadlock, each with a line; empty without one. */
  static Map<Thread, String> find() {
    Map<Thread, String> found = new LinkedHashMap<>();
    try {
      ThreadMXBean threads = ManagementFactory.getThreadMXBean();
      long[] ids = threads.findDeadlockedThreads();
      if (ids != null) {
        Map<Long, Thread> byId = threadsById();
        ThreadInfo[] infos = threads.getThreadInfo(ids, true, true);
        for (ThreadInfo info : infos) {
          Thread thread = info == null ? null : byId.get(info.getThreadId());
          if (thread != null) {
            found.put(thread, describe(info, infos));
          }
        }
      }
    } catch (LinkageError | UnsupportedOperationException error) {
      // A JVM without the module java.management does not know.
    }
    return found;
  }

  private static String describe(ThreadInfo info, ThreadInfo[] all) {
    String where =
        Arrays.stream(all)
            .filter(other -> other != null && other.getThreadId() == info.getLockOwnerId())
            .findFirst()
            .map(other -> holder(other, info))
            .orElse("");
    return String.format(
        "  deadlock: waits for %s, which %s holds%s\n",
        info.getLockName(), info.getLockOwnerName(), where);
  }

  /** The method of {@code owner} that holds what {@code waiting} waits for, if that is known. */
  private static String holder(ThreadInfo owner, ThreadInfo waiting) {
    for (MonitorInfo monitor : owner.getLockedMonitors()) {
      if (monitor.getIdentityHashCode() == waiting.getLockInfo().getIdentityHashCode()
          && monitor.getLockedStackFrame() != null) {
        return " in " + ThreadStacks.place(monitor.getLockedStackFrame());
      }
    }
    return "";
  }

  private static Map<Long, Thread> threadsById() {
    Map<Long, Thread> byId = new LinkedHashMap<>();
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      byId.put(thread.getId(), thread);
    }
    return byId;
  }
}
