package eas.host;

import java.nio.file.Path;
import java.util.List;

/** What a user's class sees of the host: nothing, however it asks. */
final class IsolationTest {
  /** Asks for a class in each way there is; answers a letter for each, y where it was found. */
  private static final String NOSY =
      Programs.lines(
          "public String Process(String name) {",
          "  ClassLoader own = Main.class.getClassLoader();",
          "  ClassLoader context = Thread.currentThread().getContextClassLoader();",
          "  ClassLoader platform = ClassLoader.getPlatformClassLoader();",
          "  String file = name.replace('.', '/') + \".class\";",
          "  String seen = \"\";",
          "  ClassLoader[] loaders = {own, context, own.getParent(), platform};",
          "  for (ClassLoader loader : loaders) {",
          "    seen += found(() -> Class.forName(name, false, loader));",
          "    seen += found(() -> loader.loadClass(name));",
          "    seen += loader.getResource(file) == null ? 'n' : 'y';",
          "  }",
          "  return seen + found(() -> Class.forName(name));",
          "}",
          "static char found(java.util.concurrent.Callable<?> search) {",
          "  try {",
          "    return search.call() == null ? 'n' : 'y';",
          "  } catch (Exception error) {",
          "    return 'n';",
          "  }",
          "}");

  private static final String NO = "n".repeat(13);
  private static final String YES = "y".repeat(13);

  private final Programs programs = new Programs();

  void hostIsHidden() throws Exception {
    Bridge bridge = programs.openMain(NOSY);
    for (String name :
        new String[] {"eas.host.Bridge", "eas.host.ProcessorLoader", "org.jpype.JPypeContext"}) {
      Check.same(NO, Programs.call(bridge, name));
    }
    // And a class that the host's own class path has for certain: this one.
    Check.same(NO, Programs.call(bridge, getClass().getName()));
  }

  void jdkIsSeen() throws Exception {
    Bridge bridge = programs.openMain(NOSY);
    for (String name :
        new String[] {"java.lang.String", "java.sql.Driver", "java.net.http.HttpClient"}) {
      Check.same(YES, Programs.call(bridge, name));
    }
  }

  /** A class that bears the name of one of ours is the user's own. */
  void sameNameAsOurs() throws Exception {
    String bridge =
        "package eas.host; public class Bridge { public static String name = \"theirs\"; }";
    String main =
        Programs.processor(
            "Main", "public String Process(String in) { return eas.host.Bridge.name; }");
    Path own = programs.classes("own", List.of(), "eas.host.Bridge", bridge, "Main", main);
    Check.same("theirs", Programs.call(Programs.open(own, "Main"), "x"));
  }
}
