/** One of two classes that both could be meant. */
public class SecondOfTwo {
  public SecondOfTwo(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    return "second".getBytes();
  }
}
