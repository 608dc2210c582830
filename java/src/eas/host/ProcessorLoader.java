package eas.host;

import java.util.List;

/**
 * Makes a processor from the user's class path: finds its class, runs the constructor and {@code
 * Load()}, in this order and once.
 *
 * <p>The user must correct whatever goes wrong, so each step has a message of its own.
 */
final class ProcessorLoader {
  private final String entry;
  private final ClassPath entryPath;
  private final ClassPath path;
  private final ClassLoader loader;

  /**
   * Makes a loader.
   *
   * @param entry what the user named, for messages
   * @param entryPath the part of {@code path} that is searched for the processor's class
   * @param loader loads the classes of {@code path}
   */
  ProcessorLoader(String entry, ClassPath entryPath, ClassPath path, ClassLoader loader) {
    this.entry = entry;
    this.entryPath = entryPath;
    this.path = path;
    this.loader = loader;
  }

  /** One step, which may run the user's code. */
  private interface Step<T> {
    T run() throws Throwable;
  }

  /** The class loader of the user's classes. */
  ClassLoader classLoader() {
    return loader;
  }

  /** Where these classes are. */
  ClassPath classPath() {
    return path;
  }

  /**
   * Constructs and loads the processor.
   *
   * @param mainClass the name of its class; empty for the only one in the entry
   */
  Processor load(String mainClass, String modelEntry, String modelConfig) throws LoadException {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(loader);
    ThreadStacks.setLoading(true);
    try {
      ProcessorSignature signature = step("", () -> ProcessorSignature.of(find(mainClass)));
      String name = signature.type().getName();
      step(name + ": its static initialiser", () -> Class.forName(name, true, loader));
      Object processor =
          step(name + ": its constructor", () -> signature.construct(modelEntry, modelConfig));
      step(
          name + ": Load()",
          () -> {
            signature.load(processor);
            return null;
          });
      return signature.bind(processor);
    } finally {
      ThreadStacks.setLoading(false);
      thread.setContextClassLoader(before);
    }
  }

  private Class<?> find(String mainClass) throws LoadException {
    if (mainClass.isEmpty()) {
      return ProcessorFinder.find(entryPath, loader);
    }
    // Class.forName expects a.b.Outer$Inner; users write a.b.Outer.Inner.
    for (String name = mainClass; ; name = nested(name)) {
      try {
        return Class.forName(name, false, loader);
      } catch (ClassNotFoundException error) {
        if (nested(name).equals(name)) {
          List<String> names = path.classNames();
          throw LoadException.notFound(
              "there is no class " + mainClass + LoadDiagnostics.suggest(mainClass, names));
        }
      }
    }
  }

  /** {@code name} with its last dot as a dollar. */
  private static String nested(String name) {
    int dot = name.lastIndexOf('.');
    return dot < 0 ? name : name.substring(0, dot) + '$' + name.substring(dot + 1);
  }

  /**
   * Runs one step.
   *
   * @param what the part of the user's code that runs in it, for messages; empty if none does
   */
  private <T> T step(String what, Step<T> step) throws LoadException {
    try {
      return step.run();
    } catch (LoadException error) {
      throw error.at(entry);
    } catch (Throwable thrown) {
      Throwable error = thrown;
      while (error instanceof ExceptionInInitializerError && error.getCause() != null) {
        error = error.getCause();
      }
      String explained = LoadDiagnostics.explain(error, path);
      if (what.isEmpty()) {
        // None of the user's code has run yet, so a trace would only show frames of the JVM and the
        // host.
        String text = explained != null ? explained : ErrorReport.of(error).headline();
        throw LoadException.invalid(text).at(entry);
      }
      if (explained != null && error instanceof LinkageError) {
        throw LoadException.invalid(what + ": " + explained, error).at(entry);
      }
      String hint = explained == null ? "" : " (" + explained + ")";
      throw LoadException.failed(what + " threw " + ErrorReport.of(error).headline() + hint, error)
          .at(entry);
    }
  }
}
