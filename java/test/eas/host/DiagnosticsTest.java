package eas.host;

import java.nio.file.Files;
import java.nio.file.Path;

/** Errors that come from what is around the processor's code say what to do about that. */
final class DiagnosticsTest {
  private static final String LINK_ERROR = "libscore.so: libblas.so.3: cannot open shared object";

  private final Path folder = new Programs().folder;
  private final Path anyClass = Files.createFile(folder.resolve("Any.class"));
  private final ClassPath path =
      ClassPath.ofEntry(folder.toString(), new String[] {folder.toString()});

  DiagnosticsTest() throws Exception {}

  private String library(String message) {
    return LibraryDiagnostics.explain(message, path);
  }

  void libraryThatIsNowhere() {
    Check.holds(
        library("no gone in java.library.path: /usr/lib"),
        "libgone.so is in no folder of java.library.path, which is ",
        "--jvm-options \"-Djava.library.path=FOLDER\"");
  }

  void libraryBesideTheProcessor() throws Exception {
    Path lib = Files.createDirectory(folder.resolve("lib"));
    Files.createFile(lib.resolve("libnear.so"));
    Check.holds(
        library("no near in java.library.path: /usr/lib"),
        "it is in " + lib,
        "-Djava.library.path=" + lib);
  }

  void libraryThatNeedsAnother() {
    Check.same(
        "libscore.so needs the library libblas.so.3, which is missing; add its folder to"
            + " LD_LIBRARY_PATH",
        library(LINK_ERROR));
  }

  /** As Java 17 and Java 11 name it. */
  void methodWithoutALibrary() {
    for (String message :
        new String[] {"'java.lang.String a.Score.run(int)'", "a.Score.run(I)V", "run(I)V"}) {
      Check.holds(library(message), "has the native method ", "run; System.loadLibrary");
    }
  }

  void otherTextStaysAsItIs() {
    Check.same("odd", library("odd"));
  }

  void limitsOfMemory() {
    Check.holds(CallDiagnostics.explainMemory("Java heap space"), " MiB; ", "\"-Xmx");
    Check.holds(CallDiagnostics.explainMemory("GC overhead limit exceeded"), "\"-Xmx");
    Check.holds(CallDiagnostics.explainMemory("Metaspace"), "-XX:MaxMetaspaceSize");
    Check.holds(CallDiagnostics.explainMemory("Direct buffer memory"), "MaxDirectMemorySize");
    Check.holds(CallDiagnostics.explainMemory("unable to create native thread"), "ulimit -u");
  }

  void causesAreLookedAt() {
    CallDiagnostics diagnostics = new CallDiagnostics(path);
    Throwable missing = new ClassNotFoundException("a.Gone");
    String explained = diagnostics.explain(new IllegalStateException("no driver", missing));
    Check.holds(explained, "class a.Gone is missing", "--classpath");
    Check.same(true, diagnostics.explain(new IllegalStateException("no driver")) == null);
  }

  /** A class whose static initialiser has failed once cannot be used again. */
  void classThatHasFailedBefore() {
    Throwable again = new NoClassDefFoundError("Could not initialize class a.Score");
    Check.holds(new CallDiagnostics(path).explain(again), "has failed before");
  }
}
