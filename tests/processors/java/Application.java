import java.io.File;
import java.io.StringWriter;
import java.net.URI;
import java.sql.DriverManager;
import java.util.Collections;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import java.util.logging.LogManager;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Does what applications do with class loaders, each of which works under {@code java -cp}. */
public class Application {
  public Application(String modelEntry, String modelConfig) {}

  public void Load() {}

  public String Process(String input) throws Exception {
    String[] words = input.split(" ", 2);
    switch (words[0]) {
      case "services":
        return services() + " " + ForkJoinPool.commonPool().submit(Application::services).get()
            + " " + CompletableFuture.supplyAsync(Application::services).get();
      case "connect":
        return connect(words[1]);
      case "system":
        ClassLoader system = ClassLoader.getSystemClassLoader();
        return Class.forName(words[1], true, system).getName() + " "
            + (ClassLoader.getSystemResource(words[1].replace('.', '/') + ".class") != null) + " "
            + (Application.class.getClassLoader() == system);
      case "compile":
        return compile();
      case "log":
        LogManager.getLogManager().readConfiguration(
            new java.io.ByteArrayInputStream("handlers=parts.Handler".getBytes()));
        Logger.getLogger("").info(words[1]);
        return parts.Handler.last;
      case "seen":
        return seen(words[1]);
      case "name":
        return eas.host.Bridge.NAME + " " + org.jpype.JPypeContext.NAME + " "
            + Class.forName("org.jpype.JPypeClassLoader").getField("NAME").get(null);
      case "resources":
        return Collections.list(ClassLoader.getSystemResources(words[1])).stream()
            .map(url -> new File(URI.create(url.getPath().split("!")[0]).getPath()).getName())
            .collect(Collectors.joining(" "));
      case "property":
        return System.getProperty(words[1]);
      case "version":
        return parts.Version.TEXT;
      default:
        throw new IllegalArgumentException(input);
    }
  }

  private static String services() {
    return ServiceLoader.load(Runnable.class).stream()
        .map(provider -> provider.type().getSimpleName()).collect(Collectors.joining(","));
  }

  /** From the common pool's own threads, too: the calling thread takes a share of the work. */
  private static String connect(String url) {
    return IntStream.range(0, 64).parallel().mapToObj(i -> {
      try {
        Thread.sleep(1);
        DriverManager.getConnection(url);
        return "none";
      } catch (Exception error) {
        return error.getMessage();
      }
    }).distinct().collect(Collectors.joining(";"));
  }

  private static String compile() throws Exception {
    String source = "class Made { String text = parts.Version.TEXT; }";
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter said = new StringWriter();
    boolean good = compiler.getTask(said, null, null, List.of("-proc:none", "-d", System.getProperty("java.io.tmpdir")),
        null, List.of(new SimpleJavaFileObject(URI.create("string:///Made.java"), SimpleJavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignore) {
            return source;
          }
        })).call();
    new File(System.getProperty("java.io.tmpdir"), "Made.class").delete();
    return good + " " + said;
  }

  /** Asks for a class in each way there is; a letter for each, y where it was found. */
  private static String seen(String name) {
    String file = name.replace('.', '/') + ".class";
    ClassLoader own = Application.class.getClassLoader();
    StringBuilder seen = new StringBuilder();
    Stream.of(own, Thread.currentThread().getContextClassLoader(), ClassLoader.getSystemClassLoader(), own.getParent())
        .forEach(loader -> seen.append(found(() -> Class.forName(name, false, loader)))
            .append(found(() -> loader.loadClass(name))).append(loader.getResource(file) == null ? 'n' : 'y'));
    return seen.append(found(() -> Class.forName(name))).append(ClassLoader.getSystemResource(file) == null ? 'n' : 'y')
        .toString();
  }

  private static char found(Callable<?> search) {
    try {
      return search.call() == null ? 'n' : 'y';
    } catch (Exception error) {
      return 'n';
    }
  }
}
