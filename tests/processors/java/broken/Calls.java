package broken;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** The request names the method that is broken. Any other is answered with itself, after ten milliseconds. */
public class Calls {
  private final Object first = new Object();
  private final Object second = new Object();
  private final CountDownLatch bothLocked = new CountDownLatch(2);

  private String text;

  public Calls(String modelEntry, String modelConfig) {}

  public void Load() {}

  public String Process(String name) throws Exception {
    switch (name) {
      case "nullPointer":
        return nullPointer();
      case "causeChain":
        return causeChain();
      case "heapExhausted":
        return heapExhausted();
      case "endlessRecursion":
        return endlessRecursion();
      case "missingClass":
        return missingClass();
      case "missingLibrary":
        return missingLibrary();
      case "exits":
        return exits();
      case "halts":
        return halts();
      case "exitsInThread":
        return exitsInThread();
      case "haltsInThread":
        return haltsInThread();
      case "throwsInThread":
        return throwsInThread();
      case "returnsNull":
        return returnsNull();
      case "crashes":
        return crashes();
      case "loops":
        return loops();
      case "deadlocks":
        return deadlocks();
      default:
        Thread.sleep(10);
        return name;
    }
  }

  String nullPointer() {
    return text.trim();
  }

  String causeChain() {
    try {
      return nullPointer();
    } catch (RuntimeException cause) {
      throw new IllegalStateException("the text cannot be read", cause);
    }
  }

  String heapExhausted() {
    List<long[]> all = new ArrayList<>();
    while (true) {
      all.add(new long[1 << 20]);
    }
  }

  String endlessRecursion() {
    return "x" + even();
  }

  String even() {
    return "y" + endlessRecursion();
  }

  String missingClass() {
    return Dependency.name();
  }

  String missingLibrary() {
    System.loadLibrary("absent_kernel");
    return "loaded";
  }

  String exits() {
    System.exit(3);
    return "ended";
  }

  String halts() {
    Runtime.getRuntime().halt(4);
    return "ended";
  }

  String exitsInThread() throws InterruptedException {
    return inThread(() -> System.exit(5));
  }

  String haltsInThread() throws InterruptedException {
    return inThread(() -> Runtime.getRuntime().halt(6));
  }

  String throwsInThread() throws InterruptedException {
    return inThread(() -> text.trim());
  }

  String returnsNull() {
    return null;
  }

  String crashes() throws Exception {
    Field field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
    field.setAccessible(true);
    ((sun.misc.Unsafe) field.get(null)).putAddress(16, 1);
    return "alive";
  }

  String loops() {
    long count = 0;
    while (count >= 0) {
      count = (count + 1) % 1000;
    }
    return "ended";
  }

  String deadlocks() throws InterruptedException {
    Thread other = new Thread(() -> lock(second, first), "other-side");
    other.start();
    return lock(first, second);
  }

  private String lock(Object one, Object two) {
    synchronized (one) {
      bothLocked.countDown();
      try {
        bothLocked.await();
      } catch (InterruptedException error) {
        return "interrupted";
      }
      synchronized (two) {
        return "locked";
      }
    }
  }

  private static String inThread(Runnable work) throws InterruptedException {
    Thread thread = new Thread(work, "downloader");
    thread.start();
    thread.join();
    return "joined";
  }
}
