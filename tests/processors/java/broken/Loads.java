package broken;

import java.util.concurrent.CountDownLatch;

/** The configuration names what goes wrong while it is loaded. */
public class Loads {
  private final String how;

  public Loads(String modelEntry, String modelConfig) throws InterruptedException {
    how = modelConfig;
    if (how.equals("constructor hangs")) {
      waitForever();
    }
  }

  public void Load() throws InterruptedException {
    switch (how) {
      case "library":
        System.loadLibrary("absent_kernel");
        break;
      case "load hangs":
        waitForever();
        break;
      case "exits":
        System.exit(7);
        break;
      case "halts":
        Runtime.getRuntime().halt(8);
        break;
      default:
        throw new IllegalArgumentException(how);
    }
  }

  public String Process(String input) {
    return input;
  }

  private static void waitForever() throws InterruptedException {
    new CountDownLatch(1).await();
  }
}
