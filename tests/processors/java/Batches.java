import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;

/**
 * Answers "alone INPUT", or in a batch "together INPUT"; but an input may say that it does something odd, in both forms of
 * Process or, with "together" at its end, in the one for a batch only. See batches.cc, which knows the same words.
 */
public class Batches {
  private static final String TOGETHER = " together";
  private static final byte[] SHARED = bytes("shared");

  public Batches(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) throws Exception {
    String text = text(input);
    if (!text.endsWith(TOGETHER)) {
      obey(text);
    }
    return text.equals("large") ? new byte[1 << 20] : bytes("alone " + text);
  }

  public byte[][] Process(byte[][] inputs) throws Exception {
    byte[][] outputs = new byte[inputs.length][];
    for (int i = 0; i < inputs.length; i++) {
      String input = text(inputs[i]);
      outputs[i] = bytes("together " + input);
      switch (input) {
        case "no list":
          return null;
        case "too short":
          return new byte[inputs.length - 1][];
        case "too long":
          return Arrays.copyOf(inputs, inputs.length + 1);
        case "the input":
          outputs[i] = inputs[i];
          break;
        case "the inputs":
          return inputs;
        case "nothing":
          outputs[i] = null;
          break;
        case "shared": // with the request before
          outputs[i] = i > 0 ? outputs[i - 1] : SHARED;
          break;
        case "large":
          outputs[i] = new byte[1 << 20];
          break;
        default:
          obey(input.endsWith(TOGETHER) ? input.substring(0, input.length() - TOGETHER.length()) : input);
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
      case "dies":
        System.exit(3);
        return;
      case "dies in thread":
        Thread thread = new Thread(() -> System.exit(3));
        thread.start();
        thread.join();
        return;
      case "interrupts":
        Thread.currentThread().interrupt();
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
