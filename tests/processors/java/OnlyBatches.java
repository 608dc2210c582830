/** Lacks the form of Process that is for one request. */
public class OnlyBatches {
  public OnlyBatches(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[][] Process(byte[][] inputs) {
    return inputs;
  }
}
