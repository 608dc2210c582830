/** A null String is an empty answer. */
public class NullString {
  public NullString(String modelEntry, String modelConfig) {}

  public void Load() {}

  public String Process(String input) {
    return null;
  }
}
