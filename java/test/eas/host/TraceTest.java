package eas.host;

/** The trace in the log has all of the user's frames, and no others. */
final class TraceTest {
  private final Programs programs = new Programs();

  /** The trace of a call to a class with these members, the first of them on line 1. */
  private String trace(String... members) throws Exception {
    Bridge bridge = programs.openMain(Programs.lines(members));
    return Programs.trace(bridge, "x");
  }

  void framesOfTheUser() throws Exception {
    String trace =
        trace(
            "public byte[] Process(byte[] in) {",
            "  return deeper(in);",
            "}",
            "byte[] deeper(byte[] in) {",
            "  return new byte[-1];",
            "}");
    Check.same(
        "java.lang.NegativeArraySizeException: -1\n"
            + "  at Main.deeper(Main.java:5)\n"
            + "  at Main.Process(Main.java:2)",
        trace);
  }

  /** The same for text, with the host's conversions between. */
  void framesOfTheUserWithText() throws Exception {
    String trace =
        trace("public String Process(String in) { throw new IllegalStateException(\"no\"); }");
    Check.same("java.lang.IllegalStateException: no\n  at Main.Process(Main.java:1)", trace);
  }

  void framesBetweenAreTheUsersWhereTheUserMadeThem() throws Exception {
    String trace =
        trace(
            "public byte[] Process(byte[] in) throws Throwable {",
            "  try {",
            "    return (byte[]) Main.class.getMethod(\"inner\").invoke(this);",
            "  } catch (java.lang.reflect.InvocationTargetException wrapper) {",
            "    throw wrapper.getCause();",
            "  }",
            "}",
            "public byte[] inner() {",
            "  throw new RuntimeException(\"inside\");",
            "}");
    Check.holds(trace, "at Main.inner", "java.lang.reflect.Method.invoke", "at Main.Process");
    Check.same(-1, trace.indexOf("eas.host"));
  }

  void causesAndSuppressed() throws Exception {
    String trace =
        trace(
            "public byte[] Process(byte[] in) {",
            "  try {",
            "    return fail();",
            "  } catch (RuntimeException cause) {",
            "    RuntimeException outer = new RuntimeException(\"outer\", cause);",
            "    outer.addSuppressed(new RuntimeException(\"beside\"));",
            "    throw outer;",
            "  }",
            "}",
            "byte[] fail() {",
            "  throw new RuntimeException(\"the cause\");",
            "}");
    Check.same(
        Programs.lines(
            "java.lang.RuntimeException: outer",
            "  at Main.Process(Main.java:5)",
            "  Suppressed: java.lang.RuntimeException: beside",
            "    at Main.Process(Main.java:6)",
            "Caused by: java.lang.RuntimeException: the cause",
            "  at Main.fail(Main.java:11)",
            "  at Main.Process(Main.java:3)"),
        trace);
  }

  /** Frames that a cause shares with its effect are shown once, as in Java's own traces. */
  void sharedFrames() throws Exception {
    String trace =
        trace(
            "public byte[] Process(byte[] in) { return outer(); }",
            "byte[] outer() { throw new RuntimeException(\"outer\", new Exception(\"inner\")); }");
    Check.same(
        Programs.lines(
            "java.lang.RuntimeException: outer",
            "  at Main.outer(Main.java:2)",
            "  at Main.Process(Main.java:1)",
            "Caused by: java.lang.Exception: inner",
            "  ... 2 more"),
        trace);
  }

  void circles() throws Exception {
    String trace =
        trace(
            "public byte[] Process(byte[] in) {",
            "  Exception first = new Exception(\"first\");",
            "  RuntimeException second = new RuntimeException(\"second\", first);",
            "  first.initCause(second);",
            "  throw second;",
            "}");
    Check.holds(
        trace,
        "Caused by: java.lang.Exception: first",
        "Caused by: java.lang.RuntimeException: second");
  }

  void longStacksAreCut() throws Exception {
    String trace = trace("public byte[] Process(byte[] in) { return Process(in); }");
    Check.same(true, trace.lines().count() < 100);
    Check.holds(
        trace,
        "java.lang.StackOverflowError (the recursion",
        "\n  at Main.Process(Main.java:1)\n",
        "  ... this frame 1023 times more");
  }

  /** A Throwable is user code, too. */
  void hostileThrowable() throws Exception {
    String trace =
        trace(
            "static class Odd extends RuntimeException {",
            "  public String getMessage() { throw new RuntimeException(); }",
            "  public Throwable getCause() { throw new Error(); }",
            "  public StackTraceElement[] getStackTrace() { return null; }",
            "  public String toString() { throw new Error(); }",
            "}",
            "public byte[] Process(byte[] in) { throw new Odd(); }");
    Check.same("Main$Odd", trace);
  }

  /** A thread that the user has started has none of the host's frames, so nothing is removed. */
  void otherThreads() throws Exception {
    String trace =
        trace(
            "public byte[] Process(byte[] in) throws Throwable {",
            "  Throwable[] got = {null};",
            "  Thread thread = new Thread(() -> got[0] = new Exception(\"from there\"));",
            "  thread.start();",
            "  thread.join();",
            "  throw got[0];",
            "}");
    Check.holds(trace, "java.lang.Exception: from there", "java.lang.Thread.run");
  }
}
