import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * The least that a Java processor can do: the same array back. If the benchmark asks for it, each
 * call uses so many microseconds of CPU time first.
 */
public final class Echo {
  private static final long WORK_NS =
      1000 * Long.parseLong(System.getenv().getOrDefault("BENCH_WORK_US", "0"));

  public Echo(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    if (WORK_NS > 0) {
      work();
    }
    return input;
  }

  private static void work() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long end = threads.getCurrentThreadCpuTime() + WORK_NS;
    while (threads.getCurrentThreadCpuTime() < end) {}
  }
}
