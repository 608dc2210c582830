import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/** The same as twin.cc, for a class: {@code Twin CLASS MODEL CONFIG INPUT THREADS}. */
public final class Twin {
  public static void main(String[] words) throws Exception {
    Class<?> type = Class.forName(words[0]);
    Object processor = type.getConstructor(String.class, String.class).newInstance(words[1], words[2]);
    type.getMethod("Load").invoke(processor);
    Method process = type.getMethod("Process", byte[].class);
    byte[] input = Files.readAllBytes(Path.of(words[3]));
    int threads = Integer.parseInt(words[4]);
    BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String order = orders.readLine(); order != null; order = orders.readLine()) {
      long nanoseconds = (long) (1e9 * Double.parseDouble(order));
      AtomicLong calls = new AtomicLong();
      long before = cpu();
      long begin = System.nanoTime();
      Thread[] workers = new Thread[threads];
      for (int i = 0; i < threads; i++) {
        workers[i] =
            new Thread(
                () -> {
                  try {
                    while (System.nanoTime() - begin < nanoseconds) {
                      process.invoke(processor, (Object) input);
                      calls.incrementAndGet();
                    }
                  } catch (ReflectiveOperationException e) {
                    e.printStackTrace();
                    System.exit(1);
                  }
                });
        workers[i].start();
      }
      for (Thread worker : workers) {
        worker.join();
      }
      double seconds = (System.nanoTime() - begin) / 1e9;
      String line = "{\"calls\": %d, \"seconds\": %f, \"cpu_us\": %f}%n";
      System.out.printf(Locale.ROOT, line, calls.get(), seconds, (cpu() - before) / 1e3);
      System.out.flush();
    }
  }

  private static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private Twin() {}
}
