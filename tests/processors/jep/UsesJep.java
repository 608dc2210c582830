import jep.SharedInterpreter;

/** Starts jep's Python in the JVM that it runs in, as one does where that is the process's only Python. */
public class UsesJep {
  private SharedInterpreter python;

  public UsesJep(String modelEntry, String modelConfig) {}

  public void Load() {
    python = new SharedInterpreter();
  }

  public byte[] Process(byte[] input) {
    return python.getValue("1 + 1").toString().getBytes();
  }
}
