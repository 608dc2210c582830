package parts;

/** A service that is found by its entry in META-INF/services. */
public class Service implements Runnable {
  @Override
  public void run() {}
}
