/** Has no Load. */
public class NoLoad {
  public NoLoad(String modelEntry, String modelConfig) {}

  public byte[] Process(byte[] input) {
    return input;
  }
}
