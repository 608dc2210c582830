/** String in, String out. */
public class StringToString {
  public StringToString(String modelEntry, String modelConfig) {}

  public void Load() {}

  public String Process(String input) {
    return "<" + input + ">";
  }
}
