package eas.host;

import java.util.List;

/**
 * Makes a processor of what the user has given: class path, class, constructor, {@code Load()}, in
 * this order and once.
 *
 * <p>Whatever can go wrong on the way is the user's to correct, so each step has a message of its
 * own.
 */
final class ProcessorLoader {
  private final String entry;
  private final ClassPath entryPath;
  private final ClassPath path;
  private final ClassLoader loader;

  /**
   * Takes a class path.
   *
   * @param entry what the user named, for messages
   * @param entryPath the part of {@code path} in which the processor's class is looked for
   * @param loader loads the classes of {@code path}
   */
  ProcessorLoader(String entry, ClassPath entryPath, ClassPath path, ClassLoader loader) {
    this.entry = entry;
    this.entryPath = entryPath;
    this.path = path;
    this.loader = loader;
  }

  /** One step that runs the user's code. */
  private interface Step<T> {
    T run() throws Throwable;
  }

  /** The class loader of the user's classes. */
  ClassLoader classLoader() {
    return loader;
  }

  /**
   * Constructs and loads the processor.
   *
   * @param mainClass empty: the only one in the entry
   */
  Invoker load(String mainClass, String modelEntry, String modelConfig) throws LoadException {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(loader);
    try {
      ProcessorShape shape = step("", () -> ProcessorShape.of(find(mainClass)));
      String name = shape.type().getName();
      step(name + ": its static initialiser", () -> Class.forName(name, true, loader));
      Object processor =
          step(name + ": its constructor", () -> shape.construct(modelEntry, modelConfig));
      step(
          name + ": Load()",
          () -> {
            shape.load(processor);
            return null;
          });
      return shape.invoker(processor);
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  private Class<?> find(String mainClass) throws LoadException {
    if (mainClass.isEmpty()) {
      return ProcessorFinder.find(entryPath, loader);
    }
    // Class.forName wants a.b.Outer$Inner; people write a.b.Outer.Inner.
    for (String name = mainClass; ; name = nested(name)) {
      try {
        return Class.forName(name, false, loader);
      } catch (ClassNotFoundException error) {
        if (nested(name).equals(name)) {
          List<String> names = path.classNames();
          throw LoadException.notFound(
              "there is no class " + mainClass + Missing.near(mainClass, names));
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
   * @param what of the user's code runs in it, for the message if it throws; empty: nothing
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
      String explained = Missing.explain(error, path);
      if (what.isEmpty()) {
        // Nothing of the user's has run yet, so a trace would show the JVM's frames and ours only.
        String text = explained != null ? explained : Failure.of(error).headline();
        throw LoadException.invalid(text).at(entry);
      }
      if (explained != null && error instanceof LinkageError) {
        throw LoadException.invalid(what + ": " + explained, error).at(entry);
      }
      String hint = explained == null ? "" : " (" + explained + ")";
      throw LoadException.failed(what + " threw " + Failure.of(error).headline() + hint, error)
          .at(entry);
    }
  }
}
