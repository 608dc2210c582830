package parts;

import java.lang.instrument.Instrumentation;

/** An agent, whose class the program sees too. */
public class Agent {
  public static void premain(String arguments, Instrumentation instrumentation) {
    System.setProperty("agent", arguments);
  }
}
