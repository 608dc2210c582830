package parts;

/** Is on the class path once, or twice in two jars. */
public class Version {
  public static final String TEXT = new String("from its own jar");
}
