package eas.host;

import java.lang.invoke.MethodHandle;

/** Calls the form of {@code Process} that takes the inputs of several requests. */
final class BatchInvoker {
  private final MethodHandle process;
  private final String name;
  private final NullOutput nullOutput;

  /**
   * Takes a {@code method} from {@code byte[][]} to the same, with its object already bound, and
   * its {@code name} for messages.
   */
  BatchInvoker(MethodHandle method, String name) {
    process = method;
    this.name = name;
    nullOutput = new NullOutput(name + " returned an array with null in it");
  }

  /** The method with its class, for messages. */
  String name() {
    return name;
  }

  /** Returns what Process returns, which may be anything. */
  byte[][] invoke(byte[][] inputs) throws Throwable {
    return (byte[][]) process.invokeExact(inputs);
  }

  /** How {@code outputs} are not those of {@code count} requests; null if they are. */
  static String wrong(byte[][] outputs, int count) {
    if (outputs != null && outputs.length == count) {
      return null;
    }
    String found = outputs == null ? "null" : "an array of length " + outputs.length;
    String wanted = "an array of length " + count + " with a byte[] for each input";
    return "returned " + found + ", not " + wanted + ",";
  }

  /** One of the outputs, or an empty array if it is null. */
  byte[] orEmpty(byte[] output) {
    return output == null ? nullOutput.asEmpty() : output;
  }
}
