import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * Answers by a future, as the first word of the input says: "wait NAME" is answered when another
 * request is "give NAME"; what comes "later" comes from a thread of its own.
 */
public class Later {
  private static final Executor OWN_THREAD = task -> new Thread(task, "own-thread").start();

  private final Map<String, CompletableFuture<byte[]>> waiting = new ConcurrentHashMap<>();

  public Later(String modelEntry, String modelConfig) {}

  public void Load() {}

  public CompletionStage<byte[]> Process(byte[] input) {
    String[] words = new String(input, StandardCharsets.UTF_8).split(" ", 2);
    String rest = words.length > 1 ? words[1] : "";
    CompletableFuture<byte[]> known = waiting.get(rest);
    switch (words[0]) {
      case "wait":
        CompletableFuture<byte[]> future = new CompletableFuture<>();
        waiting.put(rest, future);
        return future;
      case "give":
        return now(known.complete(bytes("given " + rest)) ? "given" : "too late");
      case "change":
        known.obtrudeValue(bytes("changed"));
        return now(known.complete(bytes("again")) ? "again" : "changed");
      case "fail":
        known.completeExceptionally(new IllegalArgumentException("no answer"));
        return now("failed");
      case "state":
        return now(known.isCancelled() ? "cancelled" : known.isDone() ? "done" : "open");
      case "count":
        return now("" + waiting.size());
      case "null":
        return rest.isEmpty() ? null : later(() -> null);
      case "later":
        return later(() -> bytes(rest));
      case "stage":
        return CompletableFuture.completedStage(bytes(rest)).thenApplyAsync(x -> x, OWN_THREAD);
      case "odd":
        return odd(rest);
      case "throw":
        return rest.isEmpty() ? now(fail()) : later(() -> bytes(fail())).thenApply(x -> x);
      case "failed":
        return CompletableFuture.failedFuture(new IllegalArgumentException("no answer"));
      case "large":
        return later(() -> new byte[Integer.parseInt(rest)]);
      case "gate":
        return later(() -> pass(rest.split(":")));
      case "exit":
        return later(Later::exit);
      case "halt":
        return later(Later::halt);
      case "segv":
        return later(Later::crash);
      case "crash": // in the call
        return now(new String(crash(), StandardCharsets.UTF_8));
      default:
        return now(words[0]);
    }
  }

  private static CompletableFuture<byte[]> later(Supplier<byte[]> answer) {
    return CompletableFuture.supplyAsync(answer, OWN_THREAD);
  }

  /** A future that has a text in place of bytes, which the compiler cannot know. */
  @SuppressWarnings("unchecked")
  private static CompletableFuture<byte[]> odd(String text) {
    CompletableFuture<?> future = CompletableFuture.supplyAsync(() -> text, OWN_THREAD);
    return (CompletableFuture<byte[]>) future;
  }

  private static String fail() {
    throw new IllegalArgumentException("no answer");
  }

  private static byte[] exit() {
    System.exit(3);
    return null;
  }

  private static byte[] halt() {
    Runtime.getRuntime().halt(3);
    return null;
  }

  private static byte[] crash() {
    try {
      Class<?> unsafe = Class.forName("sun.misc.Unsafe");
      Field field = unsafe.getDeclaredField("theUnsafe");
      field.setAccessible(true);
      unsafe.getMethod("putAddress", long.class, long.class).invoke(field.get(null), 8L, 1L);
    } catch (ReflectiveOperationException error) {
      throw new IllegalStateException(error);
    }
    return null;
  }

  /** Passes the gate in the folder that is the first of {@code words} (tests/support/gate.py). */
  private static byte[] pass(String[] words) {
    try {
      tell(words[0], "enter", words[1]);
      try (FileInputStream leave = new FileInputStream(words[0] + "/leave")) {
        leave.read();
      }
      tell(words[0], "leave", words[1]);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return bytes(words[1]);
  }

  private static void tell(String folder, String event, String body) throws IOException {
    String line = event + " " + ProcessHandle.current().pid() + " " + body + "\n";
    try (FileOutputStream entered = new FileOutputStream(folder + "/entered")) {
      entered.write(bytes(line));
    }
  }

  private static CompletableFuture<byte[]> now(String text) {
    return CompletableFuture.completedFuture(bytes(text));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
