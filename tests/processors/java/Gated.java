import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * Passes a gate (tests/support/gate.py): in a shutdown hook of the JVM that it ends, for "exit
 * FOLDER", and in a call, for "call FOLDER". Counts how deep a recursion goes, for "deep COUNT".
 */
public class Gated {
  public Gated(String modelEntry, String modelConfig) {}

  public void Load() {}

  public String Process(String input) {
    String[] words = input.split(" ");
    switch (words[0]) {
      case "exit":
        Runtime.getRuntime().addShutdownHook(new Thread(() -> pass(words[1], "hook")));
        System.exit(5);
        return "";
      case "call":
        pass(words[1], "call");
        return "called";
      case "deep":
        return "" + deep(Integer.parseInt(words[1]));
      default:
        return input;
    }
  }

  private static int deep(int more) {
    return more == 0 ? 0 : 1 + deep(more - 1);
  }

  private static void pass(String folder, String body) {
    try {
      tell(folder, "enter", body);
      try (FileInputStream leave = new FileInputStream(folder + "/leave")) {
        leave.read();
      }
      tell(folder, "leave", body);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static void tell(String folder, String event, String body) throws IOException {
    String line = event + " " + ProcessHandle.current().pid() + " " + body + "\n";
    try (FileOutputStream entered = new FileOutputStream(folder + "/entered")) {
      entered.write(line.getBytes(StandardCharsets.UTF_8));
    }
  }
}
