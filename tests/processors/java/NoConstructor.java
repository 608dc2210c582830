/** Has no (String, String) constructor. */
public class NoConstructor {
  public NoConstructor(String modelEntry) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    return input;
  }
}
