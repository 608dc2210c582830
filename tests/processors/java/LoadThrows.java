/** Load fails. */
public class LoadThrows {
  public LoadThrows(String modelEntry, String modelConfig) {}

  public void Load() {
    userCodeThatThrows();
  }

  private static void userCodeThatThrows() {
    throw new IllegalStateException("the model file is torn");
  }

  public byte[] Process(byte[] input) {
    return input;
  }
}
