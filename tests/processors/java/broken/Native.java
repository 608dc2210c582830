package broken;

/** Calls a function of C that crashes. The library is the model. */
public class Native {
  public Native(String modelEntry, String modelConfig) {
    System.load(modelEntry);
  }

  public void Load() {}

  public String Process(String input) {
    return score(input);
  }

  private static native String score(String input);
}
