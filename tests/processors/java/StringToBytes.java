/** String in, bytes out. */
public class StringToBytes {
  public StringToBytes(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(String input) {
    return ("<" + input + ">").getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }
}
