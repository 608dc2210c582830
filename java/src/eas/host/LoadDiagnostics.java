package eas.host;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipFile;

/** Explains what to do about classes and libraries that the JVM cannot find or use. */
final class LoadDiagnostics {
  /** The most names that are proposed instead of one that does not exist. */
  private static final int MAX_NAMES = 3;

  /** Class file version 45 is that of Java 1.1, 46 of Java 1.2, and so on. */
  private static final int VERSION_OF_JAVA_0 = 44;

  private static final Pattern CLASS_FILE_VERSION = Pattern.compile("class file version (\\d+)");

  private LoadDiagnostics() {}

  /**
   * The names among {@code names} that are similar to {@code wanted}, as the end of a message;
   * empty if there are none.
   */
  static String suggest(String wanted, List<String> names) {
    String simple = simpleName(wanted);
    TreeMap<Integer, List<String>> byDistance = new TreeMap<>();
    for (String name : names) {
      int distance = Math.min(distance(wanted, name), 1 + distance(simple, simpleName(name)));
      if (distance <= 1 + simple.length() / 3 && !name.matches(".*\\$\\d+")) {
        byDistance.computeIfAbsent(distance, key -> new ArrayList<>()).add(name);
      }
    }
    String similar =
        byDistance.values().stream()
            .flatMap(List::stream)
            .limit(MAX_NAMES)
            .collect(Collectors.joining(", "));
    return similar.isEmpty() ? "" : "; did you mean " + similar + "?";
  }

  /**
   * The meaning of {@code error} and what to do about it, in one line.
   *
   * @return null if no class or library is missing or unusable
   */
  static String explain(Throwable error, ClassPath path) {
    String message = String.valueOf(error.getMessage());
    if (error instanceof UnsupportedClassVersionError) {
      return explainVersion(message);
    }
    if (error instanceof UnsatisfiedLinkError) {
      return LibraryDiagnostics.explain(message, path);
    }
    boolean definition =
        error instanceof NoClassDefFoundError && !message.startsWith("Could not initialize");
    if (!definition && !(error instanceof ClassNotFoundException)) {
      return null;
    }
    String name = message.replace('/', '.');
    String jar = jarWith(name, path);
    String advice =
        jar == null
            ? "add the jar that has it with --classpath"
            : "it is in " + jar + ": add --classpath " + jar;
    return "class " + name + " is missing; " + advice;
  }

  private static String explainVersion(String message) {
    Matcher matcher = CLASS_FILE_VERSION.matcher(message);
    if (!matcher.find()) {
      return message;
    }
    int needed = Integer.parseInt(matcher.group(1)) - VERSION_OF_JAVA_0;
    String name = message.substring(0, message.indexOf(' ')).replace('/', '.');
    int present = Runtime.version().feature();
    return String.format(
        "%s was compiled for Java %d (class file version %s), but this JVM is Java %d (%s);"
            + " compile it with --release %d, or choose a Java %d or later with --java-home",
        name, needed, matcher.group(1), present, System.getProperty("java.home"), present, needed);
  }

  /**
   * A jar in the folders of {@code path} that has the class, but is not on the path; null if there
   * is none.
   */
  private static String jarWith(String className, ClassPath path) {
    List<Path> folders = new ArrayList<>();
    for (Path element : path.elements()) {
      folders.add(element.resolveSibling(""));
      folders.add(element.resolveSibling("lib"));
    }
    String file = className.replace('.', '/') + ".class";
    return folders.stream()
        .distinct()
        .flatMap(folder -> ClassPath.jarsIn(folder).stream())
        .filter(jar -> !path.elements().contains(jar) && hasEntry(jar.toFile(), file))
        .map(Path::toString)
        .min(Comparator.naturalOrder())
        .orElse(null);
  }

  private static boolean hasEntry(File jarFile, String entry) {
    try (ZipFile jar = new ZipFile(jarFile)) {
      return jar.getEntry(entry) != null;
    } catch (IOException error) {
      return false;
    }
  }

  private static String simpleName(String name) {
    return name.substring(Math.max(name.lastIndexOf('.'), name.lastIndexOf('$')) + 1);
  }

  /** The edit distance of two words: letters to insert, remove or replace, ignoring case. */
  private static int distance(String left, String right) {
    int[] row = new int[right.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= left.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        boolean same =
            Character.toLowerCase(left.charAt(i - 1)) == Character.toLowerCase(right.charAt(j - 1));
        int replaced = diagonal + (same ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[right.length()];
  }
}
