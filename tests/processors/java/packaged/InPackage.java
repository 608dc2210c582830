package packaged;

/** A processor in a package, as most are. */
public class InPackage {
  public InPackage(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    return ("packaged " + input.length).getBytes();
  }

  public static void main(String[] args) {
    throw new IllegalStateException("main is never called by the host");
  }
}
