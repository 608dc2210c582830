import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;

/** Answers "alone INPUT", or in a batch "together INPUT"; but an input may say that it does something odd. */
public class OddBatches {
  private static final byte[] SHARED = bytes("shared");

  public OddBatches(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) throws Exception {
    obey(text(input));
    return bytes("alone " + text(input));
  }

  public byte[][] Process(byte[][] inputs) throws Exception {
    byte[][] outputs = new byte[inputs.length][];
    for (int i = 0; i < inputs.length; i++) {
      String input = text(inputs[i]);
      switch (input) {
        case "no array":
          return null;
        case "too short":
          return new byte[inputs.length - 1][];
        case "too long":
          return Arrays.copyOf(inputs, inputs.length + 1);
        case "the inputs":
          return inputs;
        case "null":
          break;
        case "shared":
          outputs[i] = SHARED;
          break;
        case "interrupts":
          Thread.currentThread().interrupt();
          outputs[i] = bytes("together " + input);
          break;
        default:
          obey(input);
          outputs[i] = bytes("together " + input);
      }
    }
    Arrays.fill(inputs, null);
    return outputs;
  }

  private static void obey(String input) throws Exception {
    switch (input) {
      case "throws":
        throw new IllegalStateException("bad input");
      case "error":
        throw new AssertionError("bad input");
      case "memory":
        Arrays.fill(new byte[Integer.MAX_VALUE], (byte) 1);
        return;
      case "recursion":
        recursion(1);
        return;
      case "exits in thread":
        Thread thread = new Thread(() -> System.exit(3));
        thread.start();
        thread.join();
        return;
      case "hangs":
        hang();
        return;
      default:
    }
  }

  private static int recursion(int depth) {
    return recursion(depth + 1) + 1;
  }

  private static void hang() throws InterruptedException {
    new CountDownLatch(1).await();
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
