package eas.host;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Says where the threads are that run the processor's code: those that call Process, and the one
 * that loads the processor until it is loaded.
 *
 * <p>A thread is asked from outside, so it may loop, wait, or be in a deadlock. Of a deadlock all
 * threads are shown, also such as the processor has started itself.
 */
final class ThreadStacks {
  private static final List<WorkerThread> WORKERS = new CopyOnWriteArrayList<>();

  private static volatile Thread loading;

  private static volatile OpenCalls openCalls;

  private ThreadStacks() {}

  /** Notes that {@code thread} calls Process. */
  static void addWorker(WorkerThread thread) {
    WORKERS.add(thread);
  }

  /** Notes that these calls may be under way while no thread has them. */
  static void setOpenCalls(OpenCalls calls) {
    openCalls = calls;
  }

  /** Notes that the calling thread begins, or has ended, to load the processor. */
  static void setLoading(boolean begins) {
    loading = begins ? Thread.currentThread() : null;
  }

  /**
   * Four texts for each of these threads that runs the processor's code now: the thread's name; of
   * a thread that calls Process the nanoseconds since it began, else nothing; the innermost method
   * of the processor with its file and line; and the user's frames. Then, in the same way, the
   * calls that no thread has.
   */
  static String[] describe() {
    Map<Thread, String> deadlocks = Deadlocks.find();
    List<String> described = new ArrayList<>();
    for (Map.Entry<Thread, StackTraceElement[]> entry : stacks(deadlocks).entrySet()) {
      Thread thread = entry.getKey();
      String frames = deadlocks.getOrDefault(thread, "") + ErrorReport.frames(entry.getValue());
      String place = place(entry.getValue());
      described.addAll(Arrays.asList(thread.getName(), nanos(thread), place, frames));
    }
    OpenCalls calls = openCalls;
    String awaited = calls == null ? "" : calls.describe();
    if (!awaited.isEmpty()) {
      described.addAll(Arrays.asList("calls that no thread has", "", "", awaited));
    }
    return described.toArray(new String[0]);
  }

  private static String nanos(Thread thread) {
    return thread instanceof WorkerThread
        ? Long.toString(((WorkerThread) thread).nanosSinceStart())
        : "";
  }

  private static Map<Thread, StackTraceElement[]> stacks(Map<Thread, String> deadlocks) {
    Map<Thread, StackTraceElement[]> stacks = new LinkedHashMap<>();
    Thread loader = loading;
    if (loader != null) {
      stacks.put(loader, loader.getStackTrace());
    }
    for (Thread thread : WORKERS) {
      stacks.put(thread, thread.getStackTrace());
    }
    stacks.values().removeIf(stack -> ErrorReport.frames(stack).isEmpty());
    for (Thread thread : deadlocks.keySet()) {
      stacks.computeIfAbsent(thread, Thread::getStackTrace);
    }
    return stacks;
  }

  /** The innermost frame that is not of the JDK, as "Load at Scorer.java:41"; empty without one. */
  static String place(StackTraceElement[] stack) {
    for (StackTraceElement frame : stack) {
      if (!isOfJdk(frame)) {
        return place(frame);
      }
    }
    return "";
  }

  /** {@code frame} as "Load at Scorer.java:41". */
  static String place(StackTraceElement frame) {
    return method(frame.getMethodName()) + " at " + fileAndLine(frame);
  }

  /** The file of {@code frame} and its line, as far as the class was compiled with them. */
  private static String fileAndLine(StackTraceElement frame) {
    if (frame.getFileName() == null) {
      return frame.getClassName();
    }
    return frame.getLineNumber() < 0
        ? frame.getFileName()
        : frame.getFileName() + ":" + frame.getLineNumber();
  }

  private static String method(String name) {
    switch (name) {
      case "<init>":
        return "the constructor";
      case "<clinit>":
        return "the static initialiser";
      default:
        return name;
    }
  }

  static boolean isOfJdk(StackTraceElement frame) {
    String module = frame.getModuleName();
    return module != null && (module.startsWith("java.") || module.startsWith("jdk."));
  }
}
