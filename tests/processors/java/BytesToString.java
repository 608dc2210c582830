/** Bytes in, String out. */
public class BytesToString {
  public BytesToString(String modelEntry, String modelConfig) {}

  public void Load() {}

  public String Process(byte[] input) {
    return "<" + new String(input, java.nio.charset.StandardCharsets.UTF_8) + ">";
  }
}
