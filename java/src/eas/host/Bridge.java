package eas.host;

import java.util.ArrayList;
import java.util.List;

/**
 * A processor that is loaded: {@link #open} loads it, {@link #connect} gives it a ring, {@link
 * #start} has threads call it, and {@link #join} waits for their end.
 *
 * <p>Python has no part in a request: the threads take it from the ring, and complete it, by
 * themselves ({@link WorkerThread}).
 */
final class Bridge {
  static {
    ExitReport.start();
    Thread.setDefaultUncaughtExceptionHandler(Bridge::logUncaught);
  }

  private final Processor processor;
  private final ClassLoader loader;
  private final CallDiagnostics diagnostics;
  private final List<Thread> threads = new ArrayList<>();

  private BatchRing ring;

  /** How many requests a batch has at most; 0: there are no batches. */
  private int maxBatch;

  /** Those whose answers come later, or in parts; null if each comes at once. */
  private OpenCalls openCalls;

  private Bridge(Processor processor, ProcessorLoader from) {
    this.processor = processor;
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
   * Takes the ring that requests will come from; in batches if the host wants them, and the
   * processor can take them.
   */
  void connect(BatchRing ring) {
    this.ring = ring;
    int wanted = ring.maxBatch();
    if (wanted == 0) {
      return;
    }
    if (processor.batches == null) {
      HostLog.warn("batching has no effect: " + processor.noBatches);
      return;
    }
    maxBatch = wanted;
    ring.openBatches(maxBatch);
  }

  /** Lets so many requests be under way if the processor answers later than it returns. */
  void setMaxInFlight(int requests) {
    if (processor.later == null) {
      return;
    }
    openCalls = new OpenCalls(this, processor.later, requests);
    ThreadStacks.setOpenCalls(openCalls);
    if (processor.later.detaches()) {
      NativeCalls.setMaxInFlight(requests);
    }
  }

  /**
   * Starts so many {@code threads}, which take requests from the ring until it is stopped.
   *
   * @throws LoadException the system refuses to start one
   */
  void start(int count) throws LoadException {
    for (int number = 0; number < count; number++) {
      start(newThread(number));
    }
    if (openCalls != null && processor.later.detaches()) {
      start(OpenCalls.daemon(openCalls::watch, "eas-host-events"));
    }
  }

  private WorkerThread newThread(int number) {
    if (openCalls != null) {
      return new AsyncThread(this, ring, number, openCalls, processor.later);
    }
    return maxBatch == 0
        ? new WorkerThread(this, ring, number)
        : new BatchThread(this, ring, number, maxBatch);
  }

  private void start(Thread thread) throws LoadException {
    try {
      thread.start();
    } catch (OutOfMemoryError error) {
      throw LoadException.shortage(error.getMessage(), error);
    }
    threads.add(thread);
  }

  /** Waits until all threads have ended, so many {@code millis} at most for each; 0: for ever. */
  void join(long millis) throws InterruptedException {
    for (Thread thread : threads) {
      thread.join(millis);
    }
  }

  /** Calls Process on a worker thread. Passes on whatever that throws. */
  byte[] call(byte[] input) throws Throwable {
    resetThread();
    return processor.process.invoke(input);
  }

  /** The same, of a processor that answers later: what its Process returns, which may be null. */
  Object callLater(byte[] input) throws Throwable {
    resetThread();
    return processor.later.invoke(input);
  }

  /** The same with the inputs of several requests. */
  byte[][] call(byte[][] inputs) throws Throwable {
    resetThread();
    return processor.batches.invoke(inputs);
  }

  /** How batches are called, where there are any. */
  BatchInvoker batches() {
    return processor.batches;
  }

  /** An earlier call may have changed the state of this thread. */
  private void resetThread() {
    Thread.interrupted();
    Thread.currentThread().setContextClassLoader(loader);
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
