package broken;

/** Calls a function of C that crashes. The library is the model. For "null" it throws instead. */
public class Native {
  private String nothing;

  public Native(String modelEntry, String modelConfig) {
    System.load(modelEntry);
  }

  public void Load() {}

  public String Process(String input) {
    if (input.equals("null")) {
      return nothing.trim();
    }
    return score(input);
  }

  private static native String score(String input);
}
