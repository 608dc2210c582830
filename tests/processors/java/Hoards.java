/** Starts threads until the system refuses one, which it must do soon. */
public class Hoards {
  public Hoards(String modelEntry, String modelConfig) {}

  public void Load() {
    try {
      for (int i = 0; i < 1000; i++) {
        Thread thread = new Thread(Hoards::waitForEver);
        thread.setDaemon(true);
        thread.start();
      }
    } catch (OutOfMemoryError full) {
      // as expected
    }
  }

  public byte[] Process(byte[] input) {
    return input;
  }

  private static synchronized void waitForEver() {
    try {
      while (true) {
        Hoards.class.wait();
      }
    } catch (InterruptedException error) {
      // ends
    }
  }
}
