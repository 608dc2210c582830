package eas.host;

import java.util.ArrayList;
import java.util.List;

/**
 * A processor that is loaded: {@link #open} loads it, {@link #start} has threads call it, and
 * {@link #join} waits for their end.
 *
 * <p>Python has no part in a request: the threads take it from the ring, and complete it, by
 * themselves ({@link WorkerThread}).
 */
final class Bridge {
  static {
    ExitReport.start();
    Thread.setDefaultUncaughtExceptionHandler(Bridge::logUncaught);
  }

  private final Invoker process;
  private final ClassLoader loader;
  private final CallDiagnostics diagnostics;
  private final List<WorkerThread> threads = new ArrayList<>();

  private Bridge(Invoker process, ProcessorLoader from) {
    this.process = process;
    loader = from.classLoader();
    diagnostics = new CallDiagnostics(from.classPath());
  }

  /**
   * Loads and initialises a processor whose classes are on the JVM's class path.
   *
   * @param entry what the user named, for messages
   * @param mainClass the processor's class, or empty for the only one in {@code own}
   * @param own the jars and folders of the class path that belong to the entry
   * @param libraries the other jars and folders of the class path
   * @param modelEntry passed to the constructor, as is {@code modelConfig}; empty where there is
   *     none
   */
  static Bridge open(
      String entry,
      String mainClass,
      String[] own,
      String[] libraries,
      String modelEntry,
      String modelConfig)
      throws LoadException {
    ClassPath ownPath = ClassPath.ofEntry(entry, own);
    ClassPath path = ownPath.with(libraries);
    ClassLoader loader = ClassLoader.getSystemClassLoader();
    ProcessorLoader from = new ProcessorLoader(entry, ownPath, path, loader);
    return open(from, mainClass, modelEntry, modelConfig);
  }

  /** The same with a loader that exists already. */
  static Bridge open(
      ProcessorLoader loader, String mainClass, String modelEntry, String modelConfig)
      throws LoadException {
    return new Bridge(loader.load(mainClass, modelEntry, modelConfig), loader);
  }

  /**
   * Starts so many {@code threads}, which take requests from the ring until it is stopped.
   *
   * @throws LoadException the system refuses to start one
   */
  void start(int count) throws LoadException {
    Ring ring = new NativeRing();
    for (int number = 0; number < count; number++) {
      WorkerThread thread = new WorkerThread(this, ring, number);
      try {
        thread.start();
      } catch (OutOfMemoryError error) {
        throw LoadException.shortage(error.getMessage(), error);
      }
      threads.add(thread);
    }
  }

  /** Waits until all threads have ended, so many {@code millis} at most for each; 0: for ever. */
  void join(long millis) throws InterruptedException {
    for (WorkerThread thread : threads) {
      thread.join(millis);
    }
  }

  /** Calls Process on a worker thread. Passes on whatever that throws. */
  byte[] call(byte[] input) throws Throwable {
    // An earlier call may have changed the state of this thread.
    Thread.interrupted();
    Thread.currentThread().setContextClassLoader(loader);
    return process.invoke(input);
  }

  /** Describes what Process has thrown. Never throws. */
  ErrorReport report(Throwable error) {
    return ErrorReport.ofCall(error, diagnostics);
  }

  /** Logs an error that has ended a thread of the processor's own, as one record. */
  private static void logUncaught(Thread thread, Throwable error) {
    String trace = ErrorReport.ofCall(error, null).trace();
    HostLog.error("the processor's thread " + thread.getName() + " was ended by " + trace);
  }
}
