package eas.host;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * The class that Python calls: {@link #open} once, then {@link #call} for each request, from many
 * threads.
 *
 * <p>The bytes of a request never pass through JPype. They lie in the ring's shared memory, over
 * which Python makes two direct buffers for each slot. A call from Python has only the number of
 * the slot and the size; this class copies the bytes in bulk, in both directions.
 *
 * <p>{@link #call} catches whatever Process throws: even an {@code Error} costs only its own
 * request.
 */
public final class Bridge {
  /** Outcomes of a call, with the numbers of native/src/api.h. */
  static final int RETURNED = 0;

  static final int RAISED = 1;
  static final int TOO_LARGE = 3;

  /** The bit position of the outcome in what {@link #call} returns; the lower bits are the size. */
  private static final int OUTCOME_SHIFT = 32;

  static {
    ExitReport.start();
    Thread.setDefaultUncaughtExceptionHandler(Bridge::logUncaught);
  }

  private static volatile boolean returnsBlocked;

  private final Invoker process;
  private final ClassLoader loader;
  private final CallDiagnostics diagnostics;

  /**
   * Grows by copying when a slot is used for the first time. A thread registers a slot before it
   * calls with it, so it sees the copy.
   */
  private volatile Slot[] slots = {};

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
  public static Bridge open(
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
   * Prepares the calling thread, which has this {@code number} in its worker: thread dumps show it
   * as {@code name}, and it loads the processor's classes.
   */
  public void enter(String name, int number) {
    WorkerCalls.enter(number);
    Thread thread = Thread.currentThread();
    thread.setName(name);
    thread.setContextClassLoader(loader);
    ThreadStacks.addWorker();
    ExitReport.serve();
  }

  /** Sets where the input and the output of a slot lie, before the slot's first call. */
  public synchronized void register(int slot, ByteBuffer input, ByteBuffer output) {
    Slot[] grown = Arrays.copyOf(slots, Math.max(slots.length, slot + 1));
    grown[slot] = new Slot(input, output);
    slots = grown;
  }

  /**
   * Calls Process with the first {@code size} bytes of the slot's input.
   *
   * @return the outcome, above the size of the output in bytes. {@code RETURNED}: the output is in
   *     the slot. {@code RAISED}: see {@link #message} and {@link #trace}. {@code TOO_LARGE}: there
   *     is no room for it.
   */
  public long call(int slot, int size) {
    Slot current = slots[slot];
    current.error = null;
    long result;
    WorkerCalls calls = WorkerCalls.ofThisThread();
    calls.change();
    try {
      // An earlier call may have changed the state of this thread.
      Thread.interrupted();
      Thread.currentThread().setContextClassLoader(loader);
      byte[] output = process.invoke(current.read(size));
      result = result(current.write(output) ? RETURNED : TOO_LARGE, output.length);
    } catch (Throwable error) {
      current.error = ErrorReport.ofCall(error, diagnostics);
      result = result(RAISED, 0);
    }
    calls.change();
    while (returnsBlocked) {
      LockSupport.park();
    }
    return result;
  }

  /**
   * Makes all calls block instead of returning, because Python is ending: it would end a thread
   * that returns by unwinding it through JPype's C++ code, which aborts the process.
   */
  public static void blockReturns() {
    returnsBlocked = true;
  }

  /** The message of what the last call in {@code slot} threw, or its class name, in UTF-8. */
  public byte[] message(int slot) {
    return slots[slot].error.message().getBytes(StandardCharsets.UTF_8);
  }

  /** Type, message and the user's frames of what the last call in {@code slot} threw, in UTF-8. */
  public byte[] trace(int slot) {
    return slots[slot].error.trace().getBytes(StandardCharsets.UTF_8);
  }

  /** The user's frames of what the last call in {@code slot} threw, each after a newline. */
  public byte[] frames(int slot) {
    return slots[slot].error.frames().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Ends the process as {@code System.exit} does: the shutdown hooks run, and threads that the
   * processor has started do not delay the end. Does not return.
   */
  public static void exit(int status) {
    ExitReport.leave(status);
  }

  /** Logs an error that has ended a thread of the processor's own, as one record. */
  private static void logUncaught(Thread thread, Throwable error) {
    String trace = ErrorReport.ofCall(error, null).trace();
    HostLog.error("the processor's thread " + thread.getName() + " was ended by " + trace);
  }

  private static long result(int outcome, int size) {
    return ((long) outcome << OUTCOME_SHIFT) | size;
  }
}
