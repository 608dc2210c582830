package eas.host;

import java.nio.file.Path;

/**
 * A call: forms of Process, outcomes, what the user's code finds around it, and what it may leave
 * behind.
 */
final class CallTest {
  private final Programs programs = new Programs();

  /** Process may take and return byte[] or String, in any combination, or return nothing. */
  void forms() throws Exception {
    String charset = "java.nio.charset.Charset utf8 = java.nio.charset.StandardCharsets.UTF_8;";
    String[] bodies = {
      "public byte[] Process(byte[] in) { return in; }",
      "public String Process(byte[] in) { return new String(in, utf8); }",
      "public byte[] Process(String in) { return in.getBytes(utf8); }",
      "public String Process(String in) { return in; }",
      "public byte[] Process(byte... in) throws java.io.IOException { return in; }",
    };
    for (String body : bodies) {
      Bridge bridge = programs.openMain(charset + body);
      for (String text : new String[] {"", "x", "\0", "ключ 錠 😀"}) {
        Check.same(text, Programs.call(bridge, text));
      }
    }
  }

  void bytesArePreferred() throws Exception {
    Bridge bridge =
        programs.openMain(
            "public String Process(String in) { return \"text\"; }"
                + "public byte[] Process(byte[] in) { return \"bytes\".getBytes(); }");
    Check.same("bytes", Programs.call(bridge, "x"));
  }

  void nothingIsEmpty() throws Exception {
    String[] bodies = {
      "public byte[] Process(byte[] in) { return null; }",
      "public String Process(String in) { return null; }",
      "public void Process(String in) {}",
    };
    for (String body : bodies) {
      Check.same("", Programs.call(programs.openMain(body), "x"));
    }
  }

  /** The base is generic and not public, so Main has two methods of that name. */
  void inherited() throws Exception {
    String main =
        Programs.lines(
            "abstract class Base<T> {",
            "  public void Load() {}",
            "  public T Process(T in) { throw new Error(); }",
            "}",
            "public class Main extends Base<byte[]> {",
            "  public Main(String entry, String config) {}",
            "  @Override public byte[] Process(byte[] in) { return in; }",
            "}");
    Path jar = programs.jar("main.jar", "Main", main);
    Check.same("x", Programs.call(Programs.open(jar, "Main"), "x"));
  }

  void invalidText() throws Exception {
    Bridge bridge =
        programs.openMain("public String Process(String in) { return in + (char) 0xd800; }");
    Check.same("a\ufffdb?", Programs.call(bridge, new byte[] {'a', (byte) 0xff, 'b'}));
  }

  void tooLarge() throws Exception {
    Bridge bridge =
        programs.openMain(
            "public byte[] Process(byte[] in) { return new byte[1024 + in.length]; }");
    Check.same("\0".repeat(1024), Programs.call(bridge, ""));
    Check.same("too large: 1025", Programs.call(bridge, "x"));
  }

  /** Each call gets an array of its own, whatever the user does with earlier ones. */
  void inputIsACopy() throws Exception {
    Bridge bridge =
        programs.openMain(
            "byte[] last = {}; public byte[] Process(byte[] in) { byte[] before = last; last = in;"
                + " java.util.Arrays.fill(before, (byte) '!'); return in; }");
    Check.same("one", Programs.call(bridge, "one"));
    Check.same("two", Programs.call(bridge, "two"));
  }

  void constructorArguments() throws Exception {
    String main =
        Programs.lines(
            "public class Main {",
            "  String got;",
            "  int loads;",
            "  public Main(String entry, String config) { got = entry + '|' + config; }",
            "  public void Load() { loads++; }",
            "  public String Process(String in) { return got + '|' + loads; }",
            "}");
    Bridge bridge = Programs.open(programs.jar("main.jar", "Main", main), "");
    Check.same("the entry|the config|1", Programs.call(bridge, "x"));
  }

  /** Even an Error costs only its own request. */
  void everyThrowable() throws Exception {
    Bridge bridge =
        programs.openMain(
            Programs.lines(
                "public byte[] Process(byte[] in) throws Throwable {",
                "  switch (in[0]) {",
                "    case 'm': throw new Exception(\"a message\");",
                "    case 'n': throw new Exception();",
                "    case 'e': throw new Exception(\"\");",
                "    case 's': return Process(in);",
                "    case 'l': throw new LinkageError(\"l\");",
                "    case 'o': return new byte[Integer.MAX_VALUE];",
                "    case 't': throw new Throwable(\"neither\");",
                "    default: return in;",
                "  }",
                "}"));
    Check.same("raised: a message", Programs.call(bridge, "m"));
    Check.same("raised: java.lang.Exception", Programs.call(bridge, "n"));
    Check.same("raised: ", Programs.call(bridge, "e"));
    Check.same("raised: java.lang.StackOverflowError", Programs.call(bridge, "s"));
    Check.same("raised: l", Programs.call(bridge, "l"));
    Check.same("raised: Requested array size exceeds VM limit", Programs.call(bridge, "o"));
    Check.same("raised: neither", Programs.call(bridge, "t"));
    Check.same("fine", Programs.call(bridge, "fine"));
  }

  /** The state of a thread is reset for each call, whatever the earlier call has changed. */
  void marksOnTheThread() throws Exception {
    Bridge bridge =
        programs.openMain(
            Programs.lines(
                "public String Process(String in) {",
                "  Thread thread = Thread.currentThread();",
                "  boolean own = thread.getContextClassLoader() == Main.class.getClassLoader();",
                "  String found = thread.isInterrupted() + \" \" + own;",
                "  thread.interrupt();",
                "  thread.setContextClassLoader(null);",
                "  return found;",
                "}"));
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    Check.same("false true", Programs.call(bridge, "x"));
    Check.same("false true", Programs.call(bridge, "x"));
    Check.same(true, Thread.interrupted());
    thread.setContextClassLoader(before);
  }

  void manyCallsAtOnce() throws Exception {
    Bridge bridge =
        programs.openMain("public synchronized byte[] Process(byte[] in) { return in; }");
    OneRequest[] rings = new OneRequest[4];
    Thread[] threads = new Thread[rings.length];
    for (int i = 0; i < rings.length; i++) {
      rings[i] = new OneRequest(new byte[] {(byte) ('a' + i)}, 1);
      threads[i] = new WorkerThread(bridge, rings[i], i);
      threads[i].start();
    }
    for (int i = 0; i < rings.length; i++) {
      threads[i].join();
      Check.same(Character.toString((char) ('a' + i)), rings[i].answer());
    }
  }
}
