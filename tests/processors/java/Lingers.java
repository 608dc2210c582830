/** Leaves a thread behind, has something to do at the end, and can end the JVM itself. */
public class Lingers {
  public Lingers(String modelEntry, String modelConfig) {}

  public void Load() {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("the hook ran")));
    Thread endless =
        new Thread(
            () -> {
              while (true) {
                try {
                  Thread.sleep(Long.MAX_VALUE);
                } catch (InterruptedException error) {
                  // goes on
                }
              }
            });
    endless.start();
  }

  public String Process(String input) {
    if (input.equals("exit")) {
      userCodeThatExits();
    }
    return input;
  }

  private static void userCodeThatExits() {
    System.exit(5);
  }
}
