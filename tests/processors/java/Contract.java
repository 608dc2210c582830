import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The Java side of the contract table: one processor whose input says what to do. See contract.cc, which knows the same verbs;
 * those about statuses and raw pointers do not exist here, since Java's Process returns bytes only.
 */
public class Contract {
  private static final byte[] MAGIC = {0, (byte) 0xff, 0, 'd', 'o', ' '};
  private static final Map<String, Integer> PRESENT = new HashMap<>();
  private static final AtomicInteger EMPTIES = new AtomicInteger();
  private static int constructed = 0;

  private final String loaded;
  private int loads = 0;

  public Contract(String modelEntry, String modelConfig) {
    constructed++;
    loaded = "entry=" + (modelEntry == null ? "NULL" : modelEntry) + "\nconfig=" + (modelConfig == null ? "NULL" : modelConfig);
  }

  public void Load() {
    loads++;
  }

  public byte[] Process(byte[] input) throws Throwable {
    if (input.length == 0) {
      EMPTIES.incrementAndGet();
    }
    if (input.length < MAGIC.length || !Arrays.equals(Arrays.copyOf(input, MAGIC.length), MAGIC)) {
      return input;
    }
    String command = new String(input, MAGIC.length, input.length - MAGIC.length, StandardCharsets.UTF_8);
    String[] parts = command.split(":", 2);
    return obey(parts[0], parts.length > 1 ? parts[1] : "");
  }

  /** Does what each input says, one after the other: what one of them throws fails all of them. */
  public byte[][] Process(byte[][] inputs) throws Throwable {
    byte[][] outputs = new byte[inputs.length][];
    for (int i = 0; i < inputs.length; i++) {
      outputs[i] = Process(inputs[i]);
    }
    return outputs;
  }

  private byte[] obey(String verb, String argument) throws Throwable {
    switch (verb) {
      case "throw":
        throw userCodeThatThrows(argument);
      case "throw-other":
        throw new AssertionError("an Error is a Throwable too");
      case "throw-odd":
        throw new Odd();
      case "null":
        return null;
      case "size":
        byte[] output = new byte[Integer.parseInt(argument)];
        Arrays.fill(output, (byte) 's');
        return output;
      case "print":
        System.out.println("out " + argument);
        System.err.println("err " + argument);
        return bytes("printed");
      case "meet":
        String[] meeting = argument.split(":", 2);
        return bytes(meet(Integer.parseInt(meeting[0]), meeting[1]));
      case "gate":
        String[] gate = argument.split(":", 2);
        pass(gate[0], gate[1]);
        return bytes(gate[1]);
      case "loaded":
        return bytes("constructed=" + constructed + "\nloads=" + loads + "\nfolder=" + folder() + "\n" + loaded);
      case "empties":
        return bytes(EMPTIES.toString());
      case "pid":
        return bytes(Long.toString(ProcessHandle.current().pid()));
      case "sees":
        return bytes(sees(argument));
      case "resource":
        return bytes(String.valueOf(getClass().getClassLoader().getResource(argument) != null));
      case "context":
        return bytes(String.valueOf(Thread.currentThread().getContextClassLoader() == getClass().getClassLoader()));
      case "property":
        return bytes(String.valueOf(System.getProperty(argument)));
      case "nulls":
        return bytes(Integer.toString(nulls(Integer.parseInt(argument))));
      case "deep":
        return bytes(Integer.toString(deep(0)));
      case "die":
        die(argument);
        return bytes("alive");
      case "later":
        dieLater(argument);
        return bytes(Long.toString(ProcessHandle.current().pid()));
      default:
        throw new IllegalArgumentException("unknown verb " + verb);
    }
  }

  private static RuntimeException userCodeThatThrows(String message) {
    return new IllegalStateException(message);
  }

  private static String meet(int people, String place) throws InterruptedException {
    long end = System.nanoTime() + 20_000_000_000L; // so that a failure is no hang
    synchronized (PRESENT) {
      PRESENT.merge(place, 1, Integer::sum);
      PRESENT.notifyAll();
      while (PRESENT.get(place) < people) {
        long left = (end - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          return "alone";
        }
        PRESENT.wait(left);
      }
      return "met";
    }
  }

  private static void pass(String folder, String body) throws IOException {
    tell(folder, "enter", body);
    try (FileInputStream leave = new FileInputStream(folder + "/leave")) {
      leave.read();
    }
    tell(folder, "leave", body);
  }

  private static void tell(String folder, String event, String body) throws IOException {
    String head = body.substring(0, Math.min(64, body.length()));
    try (FileOutputStream entered = new FileOutputStream(folder + "/entered")) {
      entered.write(bytes(event + " " + ProcessHandle.current().pid() + " " + head + "\n"));
    }
  }

  private static String sees(String name) {
    try {
      Class.forName(name);
      return "yes";
    } catch (ClassNotFoundException | NoClassDefFoundError missing) {
      return "no";
    }
  }

  private static Path folder() {
    return Paths.get("").toAbsolutePath();
  }

  /** Counts NullPointerExceptions. Compiled code has no null checks: it runs into a SIGSEGV, which the JVM turns into them. */
  private static int nulls(int turns) {
    String[] words = {"word", null};
    int caught = 0;
    int length = 0;
    for (int turn = 0; turn < turns; turn++) {
      try {
        length += words[turn % 4 == 3 ? 1 : 0].length();
      } catch (NullPointerException expected) {
        caught++;
      }
    }
    return length > 0 ? caught : -1;
  }

  private static int deep(int depth) {
    return deep(depth + 1) + 1;
  }

  private static void die(String argument) throws Exception {
    String[] how = argument.split(":", 2);
    switch (how[0]) {
      case "segv":
        Class<?> unsafe = Class.forName("sun.misc.Unsafe");
        Field field = unsafe.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        unsafe.getMethod("putAddress", long.class, long.class).invoke(field.get(null), 16L, 1L);
        break;
      case "_exit":
        Runtime.getRuntime().halt(Integer.parseInt(how[1]));
        break;
      case "exit":
        System.exit(Integer.parseInt(how[1]));
        break;
      case "kill":
        new ProcessBuilder("/bin/kill", "-9", Long.toString(ProcessHandle.current().pid())).start().waitFor();
        Thread.currentThread().join();
        break;
      case "hang":
        Thread.currentThread().join();
        break;
      case "spin":
        for (long turns = 0; turns >= 0; turns++) {
          if (turns == Long.MAX_VALUE) {
            turns = 0;
          }
        }
        break;
      default:
        throw new IllegalArgumentException("unknown way " + how[0]);
    }
  }

  /** "50:exit:3": a thread of its own does that after 50 ms, when the request is long answered. */
  private static void dieLater(String argument) {
    String[] parts = argument.split(":", 2);
    new Thread(
            () -> {
              try {
                Thread.sleep(Integer.parseInt(parts[0]));
                die(parts[1]);
              } catch (Exception failure) {
                throw new IllegalStateException(failure);
              }
            })
        .start();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A Throwable that is neither an Exception nor an Error, and has no message. */
  public static class Odd extends Throwable {
    private static final long serialVersionUID = 1L;
  }
}
