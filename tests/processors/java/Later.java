import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * Answers by a future, as the input says, "VERB:ARGUMENT": "hold:NAME" is answered when another request is "release:NAME"; what
 * comes "later" comes from a thread of its own. See answers_later.cc and async_contract.py, which know most of these verbs.
 */
public class Later {
  private static final Executor OWN_THREAD = task -> new Thread(task, "own-thread").start();

  private final Map<String, CompletableFuture<byte[]>> waiting = new ConcurrentHashMap<>();

  public Later(String modelEntry, String modelConfig) {}

  public void Load() {}

  public CompletionStage<byte[]> Process(byte[] input) {
    String[] words = new String(input, StandardCharsets.UTF_8).split(":", 2);
    String rest = words.length > 1 ? words[1] : "";
    CompletableFuture<byte[]> known = waiting.get(rest);
    switch (words[0]) {
      case "hold":
        return hold(rest);
      case "once":
        return once(rest.split(":"));
      case "release":
        return now(known.complete(bytes("hold:" + rest)) ? "released" : "too late");
      case "change":
        known.obtrudeValue(bytes("changed"));
        return now(known.complete(bytes("again")) ? "again" : "changed");
      case "twice":
        return twice(rest);
      case "fail":
        known.completeExceptionally(new IllegalArgumentException("no answer"));
        return now("failed");
      case "null":
        return rest.isEmpty() ? null : later(() -> null);
      case "later":
        return later(() -> bytes(rest));
      case "stage":
        return CompletableFuture.completedStage(bytes(rest)).thenApplyAsync(x -> x, OWN_THREAD);
      case "inside":
        return now(rest);
      case "wrong":
        return wrong("text");
      case "throw":
        return now(fail(rest));
      case "throw later":
        return later(() -> bytes(fail(rest))).thenApply(x -> x);
      case "failed":
        return CompletableFuture.failedFuture(new IllegalArgumentException("no answer"));
      case "large":
        return later(() -> new byte[Integer.parseInt(rest)]);
      case "gate":
        return later(() -> pass(rest.split(":")));
      case "die": // in the call
        return now(new String(die(rest), StandardCharsets.UTF_8));
      case "die later":
        return later(() -> die(rest));
      default:
        return CompletableFuture.completedFuture(input);
    }
  }

  private static CompletableFuture<byte[]> later(Supplier<byte[]> answer) {
    return CompletableFuture.supplyAsync(answer, OWN_THREAD);
  }

  private static CompletableFuture<byte[]> twice(String text) {
    CompletableFuture<byte[]> future = new CompletableFuture<>();
    OWN_THREAD.execute(
        () -> {
          future.complete(bytes(text));
          future.complete(bytes("again"));
        });
    return future;
  }

  /** Says what it has, and whether that was cancelled. */
  private CompletableFuture<byte[]> hold(String name) {
    CompletableFuture<byte[]> future = new CompletableFuture<>();
    future.whenComplete((value, error) -> say(future.isCancelled() ? "cancelled " + name : null));
    waiting.put(name, future);
    say("holds " + name);
    return future;
  }

  /** FOLDER:NAME is held at first; in its second run it is answered at once. */
  private CompletableFuture<byte[]> once(String[] words) {
    try {
      Files.createFile(Path.of(words[0], words[1]));
      return hold(words[1]);
    } catch (FileAlreadyExistsException again) {
      return now("again " + words[1]);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static void say(String line) {
    if (line != null) {
      System.out.println(line);
    }
  }

  /** A future that has a text in place of bytes, which the compiler cannot know. */
  @SuppressWarnings("unchecked")
  private static CompletableFuture<byte[]> wrong(String text) {
    CompletableFuture<?> future = CompletableFuture.supplyAsync(() -> text, OWN_THREAD);
    return (CompletableFuture<byte[]>) future;
  }

  private static String fail(String message) {
    throw new IllegalArgumentException(message);
  }

  private static byte[] die(String how) {
    if (how.equals("exit")) {
      System.exit(3);
    }
    if (how.equals("halt")) {
      Runtime.getRuntime().halt(3);
    }
    return crash();
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
