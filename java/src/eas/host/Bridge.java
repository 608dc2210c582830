package eas.host;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * What Python calls: {@link #open} once, then {@link #call} for each request from many threads.
 *
 * <p>A request's bytes never pass through JPype. They lie in the ring's shared memory, over which
 * Python has made two direct buffers for each slot; a call from Python carries the number of the
 * slot and the size, and both copies are made in bulk on this side.
 *
 * <p>Nothing that Process throws leaves {@link #call}: also an {@code Error} costs only its own
 * request.
 */
public final class Bridge {
  /** Outcomes of a call: the numbers of the ring (native/src/api.h). */
  static final int RETURNED = 0;

  static final int RAISED = 1;
  static final int TOO_LARGE = 3;

  /** The position of the outcome in what {@link #call} returns; the size is below it. */
  private static final int OUTCOME_SHIFT = 32;

  static {
    ExitWatch.start();
  }

  private static volatile boolean abandoned;

  private final Invoker process;
  private final ClassLoader loader;

  /**
   * Grows as slots are first used, by copying: who calls has registered its slot before, in the
   * same thread.
   */
  private volatile Slot[] slots = {};

  private Bridge(Invoker process, ClassLoader loader) {
    this.process = process;
    this.loader = loader;
  }

  /**
   * Loads and initialises a processor, whose classes are on the JVM's class path.
   *
   * @param entry what the user named, for messages
   * @param mainClass its class, or empty for the only one in {@code own}
   * @param own the jars and folders of the class path that are the entry
   * @param libraries the others
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
    return open(new ProcessorLoader(entry, ownPath, path, loader), mainClass, modelEntry, modelConfig);
  }

  /** The same with a class loader that is there already. */
  static Bridge open(
      ProcessorLoader loader, String mainClass, String modelEntry, String modelConfig)
      throws LoadException {
    return new Bridge(loader.load(mainClass, modelEntry, modelConfig), loader.classLoader());
  }

  /**
   * Makes the calling thread known as {@code name} in thread dumps, and as one of the processor's.
   */
  public void enter(String name) {
    Thread thread = Thread.currentThread();
    thread.setName(name);
    thread.setContextClassLoader(loader);
  }

  /** Tells where the input and the output of a slot lie. Before its first call. */
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
    Slot place = slots[slot];
    place.failure = null;
    long result;
    try {
      // A call before this one may have left its marks on the thread.
      Thread.interrupted();
      Thread.currentThread().setContextClassLoader(loader);
      byte[] output = process.invoke(place.read(size));
      result = result(place.write(output) ? RETURNED : TOO_LARGE, output.length);
    } catch (Throwable error) {
      place.failure = Failure.ofCall(error);
      result = result(RAISED, 0);
    }
    while (abandoned) {
      LockSupport.park();
    }
    return result;
  }

  /**
   * Lets no call return any more, because Python is ending: a thread that comes back to it then
   * would have to be unwound through JPype's C++ code, which aborts the process.
   */
  public static void abandon() {
    abandoned = true;
  }

  /** The message of what the last call in {@code slot} threw, or its class name, in UTF-8. */
  public byte[] message(int slot) {
    return slots[slot].failure.message().getBytes(StandardCharsets.UTF_8);
  }

  /** Type, message and the user's frames of what the last call in {@code slot} threw, in UTF-8. */
  public byte[] trace(int slot) {
    return slots[slot].failure.trace().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Ends the process as {@code java} does when it is asked to: the shutdown hooks run, and nobody
   * waits for threads that the processor has started. Does not return.
   */
  public static void exit(int status) {
    ExitWatch.leave(status);
  }

  private static long result(int outcome, int size) {
    return ((long) outcome << OUTCOME_SHIFT) | size;
  }
}
