package broken;

/** What is not packed into the jar of the class that needs it. */
public class Dependency {
  public static String name() {
    return "dependency";
  }
}
