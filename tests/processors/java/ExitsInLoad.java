/** Ends the JVM while it loads. */
public class ExitsInLoad {
  public ExitsInLoad(String modelEntry, String modelConfig) {}

  public void Load() {
    System.exit(0);
  }

  public byte[] Process(byte[] input) {
    return input;
  }
}
