/** Numbered answers, also of several requests at once. */
public class NumbersBatched {
  public NumbersBatched(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    return new Numbers(input).rest();
  }

  public byte[][] Process(byte[][] inputs) {
    byte[][] outputs = new byte[inputs.length][];
    for (int i = 0; i < inputs.length; i++) {
      outputs[i] = Process(inputs[i]);
    }
    return outputs;
  }
}
