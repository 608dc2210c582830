package eas.host;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Explains what to do about native libraries that the JVM cannot find, open or use. */
final class LibraryDiagnostics {
  private static final Pattern NOT_FOUND =
      Pattern.compile("no (\\S+) in (?:java.library|system library)");
  private static final Pattern NEEDS = Pattern.compile("(\\S+): (\\S+): cannot open shared object");
  private static final Pattern METHOD = Pattern.compile("'?(?:[\\w.$\\[\\]]+ )?([\\w.$]+)\\(.*");

  private LibraryDiagnostics() {}

  /** The meaning of an UnsatisfiedLinkError with this {@code message}, and what to do about it. */
  static String explain(String message, ClassPath path) {
    Matcher matcher = NOT_FOUND.matcher(message);
    if (matcher.find()) {
      return explainSearch(System.mapLibraryName(matcher.group(1)), path);
    }
    matcher = NEEDS.matcher(message);
    if (matcher.find()) {
      return matcher.group(1)
          + " needs the library "
          + matcher.group(2)
          + ", which is missing; add its folder to LD_LIBRARY_PATH";
    }
    matcher = METHOD.matcher(message);
    if (matcher.matches()) {
      return "no library that was loaded has the native method "
          + matcher.group(1)
          + "; System.loadLibrary must come first, and the library must have the function for it";
    }
    return message;
  }

  private static String explainSearch(String file, ClassPath path) {
    String folder = folderWith(file, path);
    String advice =
        folder == null
            ? "; add its folder with --jvm-options \"-Djava.library.path=FOLDER\""
            : "; it is in " + folder + ": --jvm-options \"-Djava.library.path=" + folder + "\"";
    return file
        + " is in no folder of java.library.path, which is "
        + System.getProperty("java.library.path")
        + advice;
  }

  /** A folder near the elements of {@code path} that has {@code file}; null if there is none. */
  private static String folderWith(String file, ClassPath path) {
    Set<Path> folders = new LinkedHashSet<>();
    for (Path element : path.elements()) {
      Path folder = Files.isDirectory(element) ? element : element.resolveSibling("");
      folders.add(folder);
      folders.add(folder.resolve("lib"));
      folders.add(folder.resolve("native"));
    }
    return folders.stream()
        .filter(folder -> Files.isRegularFile(folder.resolve(file)))
        .map(Path::toString)
        .findFirst()
        .orElse(null);
  }
}
