/** One of two classes that both could be meant. */
public class FirstOfTwo {
  public FirstOfTwo(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    return "first".getBytes();
  }
}
