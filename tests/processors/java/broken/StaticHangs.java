package broken;

/** Its static initialiser never ends. */
public class StaticHangs {
  static int ready;

  static {
    while (ready >= 0) {
      ready = (ready + 1) % 1000;
    }
  }

  public StaticHangs(String modelEntry, String modelConfig) {}

  public void Load() {}

  public String Process(String input) {
    return input;
  }
}
