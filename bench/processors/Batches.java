import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * batches.cc in Java: the echo of a device that does one thing at a time, such as a GPU. A call
 * takes 2 ms, and 0.1 ms for each request, without CPU time.
 */
public final class Batches {
  private final ReentrantLock device = new ReentrantLock();

  public Batches(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    compute(1);
    return input;
  }

  public byte[][] Process(byte[][] inputs) {
    compute(inputs.length);
    return inputs;
  }

  private void compute(int requests) {
    device.lock();
    try {
      // Not Thread.sleep, which knows whole milliseconds only before Java 21.
      long end = System.nanoTime() + 2_000_000L + 100_000L * requests;
      for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
        LockSupport.parkNanos(left);
      }
    } finally {
      device.unlock();
    }
  }
}
