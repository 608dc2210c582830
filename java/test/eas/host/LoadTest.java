package eas.host;

import static eas.host.LoadException.Kind.EntryInvalid;
import static eas.host.LoadException.Kind.EntryNotFound;
import static eas.host.LoadException.Kind.InitializeFailed;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Loading, and each way in which it fails: the kind of the error, and the helpful text. */
final class LoadTest {
  private static final String ECHO = Programs.processor("Echo", Programs.ECHO);

  private static final String CONSTRUCTOR = "public Main(String a, String b) {}";
  private static final String LOAD = "public void Load() {}";
  private static final String PROCESS = Programs.ECHO;

  private final Programs programs = new Programs();

  private LoadException fails(
      LoadException.Kind kind, Path entry, String mainClass, String... parts) {
    return Check.fails(kind, () -> Programs.open(entry, mainClass), parts);
  }

  private static String source(String... members) {
    return "public class Main { " + String.join(" ", members) + " }";
  }

  /** A jar with one class, called Main, of these members. */
  private Path main(String... members) throws Exception {
    return programs.jar("main.jar", "Main", source(members));
  }

  // The entry and the class path.

  void notAJar() throws Exception {
    Path file = Files.writeString(programs.folder.resolve("x.jar"), "no jar");
    fails(EntryInvalid, file, "", file.toString(), "not a jar file");
  }

  void emptyFolder() throws Exception {
    Path folder = Files.createDirectories(programs.folder.resolve("empty"));
    fails(EntryInvalid, folder, "", "there is no .jar and no class in it");
  }

  void jarWithoutClasses() throws Exception {
    Path empty = Files.createDirectories(programs.folder.resolve("nothing"));
    fails(
        EntryInvalid,
        programs.pack(programs.folder.resolve("none.jar"), empty),
        "",
        "there is no class in it");
  }

  void folderOfClasses() throws Exception {
    Path classes = programs.classes("plain", List.of(), "Echo", ECHO);
    Check.same("x", Programs.call(Programs.open(classes, ""), "x"));
  }

  void libraries() throws Exception {
    Path library =
        programs.classes(
            "library",
            List.of(),
            "lib.Answer",
            "package lib; public class Answer { public int n = 42; }");
    String uses =
        Programs.processor(
            "Uses", "public String Process(String in) { return \"\" + new lib.Answer().n; }");
    Path entry =
        programs.pack(
            programs.folder.resolve("uses.jar"),
            programs.classes("uses", List.of(library), "Uses", uses));
    Path jar = programs.pack(programs.folder.resolve("dir/library.jar"), library);
    for (Path path : new Path[] {library, jar}) {
      Check.same("42", Programs.call(Programs.open(entry, "", path), "x"));
    }
    Path none = Files.writeString(programs.folder.resolve("y.jar"), "no jar");
    Check.fails(EntryInvalid, () -> Programs.open(entry, "", none), none + ": not a jar file");
  }

  /** Classes that were unpacked from a jar are found there, and not once more inside the jar. */
  void classesOfOtherLayouts() throws Exception {
    Path classes = programs.classes("boot/BOOT-INF/classes", List.of(), "Echo", ECHO);
    Path jar =
        programs.pack(programs.folder.resolve("boot.jar"), classes.getParent().getParent());
    fails(EntryInvalid, jar, "Echo", "there is no class in it");
  }

  // The class.

  void classIsMissing() throws Exception {
    Path jar = programs.jar("p.jar", "com.example.Echo", "package com.example; " + ECHO);
    fails(
        EntryNotFound,
        jar,
        "com.exmaple.Echo",
        jar.toString(),
        "no class com.exmaple.Echo",
        "did you mean com.example.Echo?");
    fails(EntryNotFound, jar, "Echoo", "did you mean com.example.Echo?");
    Check.same(
        -1,
        fails(EntryNotFound, jar, "com.other.Thing", "com.other.Thing")
            .getMessage()
            .indexOf("did you mean"));
  }

  void nestedClass() throws Exception {
    String nested =
        "package a; public class Outer { public static "
            + ECHO.substring("public ".length())
            + " }";
    Path jar = programs.jar("n.jar", "a.Outer", nested);
    for (String name : new String[] {"a.Outer$Echo", "a.Outer.Echo", ""}) {
      Check.same("x", Programs.call(Programs.open(jar, name), "x"));
    }
  }

  void severalClasses() throws Exception {
    Path jar =
        programs.jar("two.jar", "One", Programs.processor("One", Programs.ECHO), "Echo", ECHO);
    fails(
        EntryInvalid,
        jar,
        "",
        "several classes are processors: Echo, One; choose one with --mainclass");
    Check.same("x", Programs.call(Programs.open(jar, "One"), "x"));
  }

  /** Classes that are almost processors are listed, with the reason why they are not. */
  void noClass() throws Exception {
    Path jar =
        programs.jar(
            "near.jar",
            "Near",
            "public class Near { public Near(String a) {} public void Load() {} "
                + Programs.ECHO
                + "}",
            "Hidden",
            Programs.processor("Hidden", Programs.ECHO).substring("public ".length()),
            "Base",
            "public abstract class Base { public Base(String a, String b) {} "
                + Programs.ECHO
                + "}",
            "Far",
            "public class Far { public Far(String a, String b) {} }");
    LoadException error =
        fails(
            EntryInvalid,
            jar,
            "",
            "no class is a processor: Base is abstract",
            "; Hidden is not public");
    Check.holds(error.getMessage(), "; Near has no constructor", "--mainclass");
    Check.same(-1, error.getMessage().indexOf("Far"));
  }

  /** The search initialises no class. */
  void lookingRunsNothing() throws Exception {
    String trap =
        "public class Trap { static { System.setProperty(\"trap\", \"sprung\"); } public"
            + " Trap(String a, String b) {} }";
    Programs.open(programs.jar("trap.jar", "Trap", trap, "Echo", ECHO), "");
    Check.same("unset", System.getProperty("trap", "unset"));
  }

  // Its signature.

  void constructorIsMissing() throws Exception {
    String wanted = "Main has no constructor \"public Main(String, String)\"; it has ";
    fails(EntryInvalid, main(LOAD, PROCESS), "Main", wanted + "public Main()");
    fails(
        EntryInvalid,
        main("Main(String a, String b) {}", LOAD, PROCESS),
        "Main",
        wanted + "Main(String, String)");
  }

  void loadIsMissing() throws Exception {
    String wanted = "Main has no method \"public void Load()\"; it has ";
    fails(EntryInvalid, main(CONSTRUCTOR, PROCESS), "Main", wanted + "none");
    String other = "public boolean Load() { return true; }";
    fails(
        EntryInvalid, main(CONSTRUCTOR, other, PROCESS), "Main", wanted + "public boolean Load()");
  }

  void processIsMissing() throws Exception {
    String wanted =
        "Main has no method \"public byte[] Process(byte[] input)\" (String is accepted in both places);"
            + " it has ";
    fails(EntryInvalid, main(CONSTRUCTOR, LOAD), "Main", wanted + "none");
    for (String head :
        List.of(
            "public byte[] process(byte[])",
            "public static byte[] Process(byte[])",
            "byte[] Process(byte[])")) {
      String other = head.replace("(byte[])", "(byte[] in) { return in; }");
      fails(EntryInvalid, main(CONSTRUCTOR, LOAD, other), "Main", wanted + head);
    }
    String batches = "public byte[][] Process(byte[][] in) { return in; }";
    String alone = "public byte[][] Process(byte[][]), which takes batches, and no request";
    fails(EntryInvalid, main(CONSTRUCTOR, LOAD, batches), "Main", wanted + alone);
  }

  void notAClass() throws Exception {
    Path jar =
        programs.jar("i.jar", "Main", "public interface Main { byte[] Process(byte[] in); }");
    fails(EntryInvalid, jar, "Main", "Main is an interface, so no object of it can be made");
  }

  // The user's code.

  void constructorThrows() throws Exception {
    String throwing =
        "public Main(String a, String b) { throw new IllegalStateException(\"two\\nlines\"); }";
    LoadException error =
        fails(
            InitializeFailed,
            main(throwing, LOAD, PROCESS),
            "",
            "Main: its constructor threw java.lang.IllegalStateException: two");
    Check.same(
        "java.lang.IllegalStateException: two\nlines\n  at Main.<init>(Main.java:1)",
        error.detail());
  }

  void loadThrows() throws Exception {
    Path jar = main(CONSTRUCTOR, "public void Load() { throw new Error(); }", PROCESS);
    LoadException error = fails(InitializeFailed, jar, "", "Main: Load() threw java.lang.Error");
    Check.same("java.lang.Error\n  at Main.Load(Main.java:1)", error.detail());
  }

  void staticInitialiserThrows() throws Exception {
    Path jar = main("static int n = Integer.parseInt(\"x\");", CONSTRUCTOR, LOAD, PROCESS);
    String words =
        "Main: its static initialiser threw java.lang.NumberFormatException: For input string:"
            + " \"x\"";
    Check.holds(fails(InitializeFailed, jar, "", words).detail(), "at Main.<clinit>(Main.java:1)");
  }

  void contextClassLoader() throws Exception {
    ClassLoader before = Thread.currentThread().getContextClassLoader();
    String look =
        "{ if (Thread.currentThread().getContextClassLoader() != Main.class.getClassLoader()) throw"
            + " new Error(); }";
    Programs.open(
        main("public Main(String a, String b) " + look, "public void Load() " + look, PROCESS),
        "Main");
    Check.same(true, before == Thread.currentThread().getContextClassLoader());
  }

  // Classes and libraries that are missing or unusable.

  /** Packs a Main that needs the class lib.Gone, without it. */
  private Path needsLibrary(Path library, String... members) throws Exception {
    Path classes = programs.classes("main", List.of(library), "Main", source(members));
    return programs.pack(programs.folder.resolve("app/main.jar"), classes);
  }

  private Path library() throws Exception {
    return programs.classes("gone", List.of(), "lib.Gone", "package lib; public class Gone {}");
  }

  void libraryIsMissing() throws Exception {
    Path library = library();
    Path entry =
        needsLibrary(library, CONSTRUCTOR, "public void Load() { new lib.Gone(); }", PROCESS);
    fails(
        EntryInvalid,
        entry,
        "Main",
        "class lib.Gone is missing; add the jar that has it with --classpath");
    Path jar = programs.pack(programs.folder.resolve("app/lib/gone.jar"), library);
    fails(
        EntryInvalid,
        entry,
        "",
        "class lib.Gone is missing; it is in " + jar + ": add --classpath " + jar);
  }

  /** The class cannot even be inspected. */
  void libraryOfASignatureIsMissing() throws Exception {
    Path entry =
        needsLibrary(
            library(), "public lib.Gone other() { return null; }", CONSTRUCTOR, LOAD, PROCESS);
    fails(EntryInvalid, entry, "", "class lib.Gone is missing");
    fails(EntryInvalid, entry, "Main", "class lib.Gone is missing");
  }

  /** The user's own code loads a class by name, as is usual for a database driver. */
  void driverIsMissing() throws Exception {
    String asks =
        "public Main(String a, String b) throws Exception { Class.forName(\"db.Driver\"); }";
    String words =
        "Main: its constructor threw java.lang.ClassNotFoundException: db.Driver (class db.Driver"
            + " is missing";
    fails(InitializeFailed, main(asks, LOAD, PROCESS), "", words);
  }

  void nativeLibraryIsMissing() throws Exception {
    Path jar =
        main("public Main(String a, String b) { System.loadLibrary(\"gone\"); }", LOAD, PROCESS);
    fails(
        EntryInvalid,
        jar,
        "",
        "libgone.so is in no folder of java.library.path",
        "-Djava.library.path=FOLDER");
  }

  /** Bytes 6 and 7 of a class file are its version; 99 is Java 55. */
  void newerJava() throws Exception {
    Path classes = programs.classes("newer", List.of(), "Echo", ECHO);
    byte[] bytes = Files.readAllBytes(classes.resolve("Echo.class"));
    bytes[7] = 99;
    Files.write(classes.resolve("Echo.class"), bytes);
    fails(
        EntryInvalid,
        classes,
        "Echo",
        "Echo was compiled for Java 55",
        "this JVM is Java " + Runtime.version().feature());
    fails(EntryInvalid, classes, "", "Echo was compiled for Java 55");
  }
}
