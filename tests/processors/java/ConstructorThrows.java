/** The constructor fails. */
public class ConstructorThrows {
  public ConstructorThrows(String modelEntry, String modelConfig) {
    userCodeThatThrows();
  }

  private static void userCodeThatThrows() {
    throw new IllegalStateException("no such model");
  }

  public void Load() {}

  public byte[] Process(byte[] input) {
    return input;
  }
}
