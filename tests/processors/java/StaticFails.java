/** The class cannot be initialised. */
public class StaticFails {
  static final int NUMBER = Integer.parseInt("not a number");

  public StaticFails(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    return new byte[NUMBER];
  }
}
