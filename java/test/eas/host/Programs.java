package eas.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/** Makes programs as users do: compiles source text, packs jars, and calls their processors. */
final class Programs {
  /** The constructor and Load, for tests that are about something else. */
  static final String USUAL = "public %1$s(String entry, String config) {} public void Load() {} ";

  static final String ECHO = "public byte[] Process(byte[] input) { return input; } ";

  private static final int CAPACITY = 1024;

  final Path folder;

  Programs() {
    try {
      folder = Files.createTempDirectory("programs");
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::remove));
  }

  /** A text of several lines. */
  static String lines(String... lines) {
    return String.join("\n", lines);
  }

  /** The text of a public processor class with {@code members} beside the usual ones. */
  static String processor(String name, String members) {
    return "public class " + name + " { " + String.format(USUAL, name) + members + " }";
  }

  /**
   * Compiles each of {@code sources}, whose class is called by the name before it, into {@code
   * jar}.
   */
  Path jar(String jar, String... namesAndSources) throws IOException {
    return pack(folder.resolve(jar), classes("classes-" + jar, List.of(), namesAndSources));
  }

  /** The same as a folder of classes, compiled against {@code libraries}. */
  Path classes(String name, List<Path> libraries, String... namesAndSources) throws IOException {
    Path sources = Files.createDirectories(folder.resolve("src-" + name));
    Path target = Files.createDirectories(folder.resolve(name));
    List<String> arguments =
        new ArrayList<>(List.of("-g", "-nowarn", "-d", target.toString(), "-cp"));
    arguments.add(libraries.stream().map(Path::toString).collect(Collectors.joining(":", ":", "")));
    for (int i = 0; i < namesAndSources.length; i += 2) {
      Path file = sources.resolve(namesAndSources[i].replace('.', '/') + ".java");
      Files.createDirectories(file.getParent());
      Files.writeString(file, namesAndSources[i + 1]);
      arguments.add(file.toString());
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    if (compiler.run(null, null, null, arguments.toArray(new String[0])) != 0) {
      throw new AssertionError("the program does not compile");
    }
    return target;
  }

  /** Packs a folder of classes. */
  Path pack(Path jar, Path classes) throws IOException {
    Files.createDirectories(jar.getParent());
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar));
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).collect(Collectors.toList())) {
        out.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
        out.write(Files.readAllBytes(file));
      }
    }
    return jar;
  }

  /**
   * Opens a program in a class loader of its own: the JVM that the tests run in has a class path
   * already.
   */
  static Bridge open(Path entry, String mainClass, Path... libraries) throws LoadException {
    String name = entry.toString();
    ClassPath own = ClassPath.ofEntry(name, new String[] {name});
    ClassPath path = own.with(Stream.of(libraries).map(Path::toString).toArray(String[]::new));
    ClassLoader loader =
        new URLClassLoader(
            path.elements().stream().map(Programs::url).toArray(URL[]::new),
            ClassLoader.getPlatformClassLoader());
    ProcessorLoader program = new ProcessorLoader(name, own, path, loader);
    return Bridge.open(program, mainClass, "the entry", "the config");
  }

  private static URL url(Path path) {
    try {
      return path.toUri().toURL();
    } catch (MalformedURLException error) {
      throw new AssertionError("each file has a URL", error);
    }
  }

  /** Opens a program of one class called Main, with {@code members} beside the usual ones. */
  Bridge openMain(String members) throws Exception {
    return open(jar("main.jar", "Main", processor("Main", members)), "Main");
  }

  /**
   * What a call with {@code input} answers: the output, or "raised: " and the message, or "too
   * large: " and the size. A worker thread's code makes it, on the calling thread.
   */
  static String call(Bridge bridge, byte[] input) {
    return run(bridge, input).answer();
  }

  private static OneRequest run(Bridge bridge, byte[] input) {
    OneRequest ring = new OneRequest(input, CAPACITY);
    new WorkerThread(bridge, ring, 0).run();
    return ring;
  }

  /** The trace of a call with {@code input} that fails. */
  static String trace(Bridge bridge, String input) {
    OneRequest ring = run(bridge, input.getBytes(StandardCharsets.UTF_8));
    Check.holds(ring.answer(), "raised: ");
    return ring.trace();
  }

  static String call(Bridge bridge, String input) {
    return call(bridge, input.getBytes(StandardCharsets.UTF_8));
  }

  private void remove() {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted((left, right) -> right.compareTo(left)).forEach(file -> file.toFile().delete());
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
