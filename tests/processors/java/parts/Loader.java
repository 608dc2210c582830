package parts;

/** A system class loader of a user's own. */
public class Loader extends ClassLoader {
  public Loader(ClassLoader parent) {
    super(parent);
  }
}
