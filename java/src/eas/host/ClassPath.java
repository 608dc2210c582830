package eas.host;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The jars and folders of classes of a processor, as they are on the JVM's class path.
 *
 * <p>Each jar is opened here once, because the JVM silently ignores a jar that it cannot read.
 */
final class ClassPath {
  private final List<Path> elements = new ArrayList<>();

  /** Receives each class of a class path. */
  interface Visitor {
    /** {@code bytes} is the class file; {@code name} has dots. */
    void visit(String name, byte[] bytes);
  }

  /** The part of the class path that belongs to {@code entry}; it must have a class. */
  static ClassPath ofEntry(String entry, String[] elements) throws LoadException {
    ClassPath path = new ClassPath();
    path.add(elements);
    if (path.classNames().isEmpty()) {
      boolean jars = path.elements.stream().anyMatch(element -> !Files.isDirectory(element));
      String hint = jars ? "there is no class in it" : "there is no .jar and no class in it";
      String inner = path.innerJar();
      throw LoadException.invalid(
          inner != null
              ? entry + ": there is no class in it, but jars such as " + inner + "; unpack it, and"
                  + " name the folder that has them"
              : entry + ": " + hint + "; --entry must name a .jar or a folder of jars");
    }
    return path;
  }

  /** This class path followed by {@code libraries}. */
  ClassPath with(String[] libraries) throws LoadException {
    ClassPath path = new ClassPath();
    path.elements.addAll(elements);
    path.add(libraries);
    return path;
  }

  List<Path> elements() {
    return elements;
  }

  /** The first jar inside a jar; null if there is none. */
  private String innerJar() throws LoadException {
    for (Path element : elements) {
      if (!Files.isDirectory(element)) {
        try (ZipFile jar = new ZipFile(element.toFile())) {
          String inner =
              jar.stream()
                  .map(ZipEntry::getName)
                  .filter(name -> name.matches(".*\\.[jw]ar"))
                  .findFirst()
                  .orElse(null);
          if (inner != null) {
            return inner;
          }
        } catch (IOException error) {
          throw unreadable(element, error);
        }
      }
    }
    return null;
  }

  /** The names of all classes, with dots. */
  List<String> classNames() throws LoadException {
    List<String> names = new ArrayList<>();
    for (Path element : elements) {
      if (Files.isDirectory(element)) {
        classFiles(element)
            .forEach(file -> names.add(className(element.relativize(file).toString())));
      } else {
        try (ZipFile jar = new ZipFile(element.toFile())) {
          jar.stream()
              .map(ZipEntry::getName)
              .filter(ClassPath::isClass)
              .forEach(name -> names.add(className(name)));
        } catch (IOException error) {
          throw unreadable(element, error);
        }
      }
    }
    return names;
  }

  /** Passes each class to {@code visitor}. */
  void visitClasses(Visitor visitor) throws LoadException {
    for (Path element : elements) {
      try {
        if (Files.isDirectory(element)) {
          for (Path file : classFiles(element)) {
            visitor.visit(className(element.relativize(file).toString()), Files.readAllBytes(file));
          }
        } else {
          visitJar(element, visitor);
        }
      } catch (IOException error) {
        throw unreadable(element, error);
      }
    }
  }

  private static void visitJar(Path jarFile, Visitor visitor) throws IOException {
    try (ZipFile jar = new ZipFile(jarFile.toFile())) {
      List<? extends ZipEntry> classes =
          jar.stream().filter(entry -> isClass(entry.getName())).collect(Collectors.toList());
      for (ZipEntry entry : classes) {
        try (InputStream stream = jar.getInputStream(entry)) {
          visitor.visit(className(entry.getName()), stream.readAllBytes());
        }
      }
    }
  }

  private void add(String[] names) throws LoadException {
    for (String name : names) {
      Path element = Paths.get(name);
      if (!Files.isDirectory(element)) {
        try {
          new ZipFile(element.toFile()).close();
        } catch (IOException error) {
          throw LoadException.invalid(
              element + ": not a jar file (" + error.getMessage() + "); build it again");
        }
      }
      elements.add(element);
    }
  }

  /** The jars in {@code folder}, sorted; none if it cannot be read. */
  static List<Path> jarsIn(Path folder) {
    List<Path> jars = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.jar")) {
      files.forEach(jars::add);
    } catch (IOException error) {
      return List.of();
    }
    jars.sort(null);
    return jars;
  }

  private static List<Path> classFiles(Path folder) throws LoadException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(file -> isClass(folder.relativize(file).toString()))
          .sorted()
          .collect(Collectors.toList());
    } catch (IOException | UncheckedIOException error) {
      throw unreadable(folder, error);
    }
  }

  /**
   * META-INF has versions of classes for later Java versions. The files of BOOT-INF and WEB-INF are
   * unpacked, and then have their own elements. The two -info files are no classes of a program.
   */
  private static boolean isClass(String file) {
    return file.endsWith(".class")
        && !file.startsWith("META-INF/")
        && !file.startsWith("BOOT-INF/")
        && !file.startsWith("WEB-INF/")
        && !file.endsWith("-info.class");
  }

  private static String className(String file) {
    return file.substring(0, file.length() - ".class".length()).replace('/', '.');
  }

  private static LoadException unreadable(Path path, Exception error) {
    return LoadException.invalid(path + ": cannot be read (" + error.getMessage() + ")");
  }
}
