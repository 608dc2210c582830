package eas.host;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The members that a processor's class must have: it is public, with a constructor {@code (String,
 * String)}, {@code void Load()} and {@code Process} (docs/eas-compatibility.md, section 2.1).
 *
 * <p>Process takes and returns {@code byte[]} or {@code String}, in any combination, or returns
 * nothing; or it returns what answers later, or in parts ({@link AnswerForm}). If a class has both
 * forms, the one that takes {@code byte[]} is called, because it loses no bytes. Beside that there
 * may be {@code byte[][] Process(byte[][])}, which takes the inputs of several requests.
 */
final class ProcessorSignature {
  private final Class<?> type;
  private final Constructor<?> constructor;
  private final Method load;
  private final Method process;

  /** Null if there is none. */
  private final Method batchProcess;

  private ProcessorSignature(
      Class<?> type, Constructor<?> constructor, Method load, Method process) {
    this.type = type;
    this.constructor = constructor;
    this.load = load;
    this.process = process;
    batchProcess = batchProcessOf(type);
  }

  /**
   * Inspects {@code type} without initialising it.
   *
   * @throws LoadException it is no processor: the message says what is missing and what is there
   *     instead
   * @throws LinkageError its methods name a class that is missing
   */
  static ProcessorSignature of(Class<?> type) throws LoadException {
    int modifiers = type.getModifiers();
    if (!Modifier.isPublic(modifiers)) {
      throw invalid(
          type, "is not public; declare it \"public class " + type.getSimpleName() + "\"");
    }
    if (Modifier.isAbstract(modifiers)) {
      throw invalid(
          type,
          "is "
              + (type.isInterface() ? "an interface" : "abstract")
              + ", so no object of it can be made");
    }
    return new ProcessorSignature(type, constructorOf(type), loadOf(type), processOf(type));
  }

  private static Constructor<?> constructorOf(Class<?> type) throws LoadException {
    try {
      return type.getConstructor(String.class, String.class);
    } catch (NoSuchMethodException error) {
      String found = list(Arrays.stream(type.getDeclaredConstructors()));
      throw invalid(
          type,
          "has no constructor \"public "
              + type.getSimpleName()
              + "(String, String)\"; it has "
              + found);
    }
  }

  private static Method loadOf(Class<?> type) throws LoadException {
    try {
      Method load = type.getMethod("Load");
      if (load.getReturnType() == void.class && !Modifier.isStatic(load.getModifiers())) {
        return load;
      }
    } catch (NoSuchMethodException error) {
      // reported below
    }
    throw invalid(type, "has no method \"public void Load()\"; it has " + methods(type, "Load"));
  }

  private static Method processOf(Class<?> type) throws LoadException {
    for (Class<?> input : List.of(byte[].class, String.class)) {
      try {
        Method process = type.getMethod("Process", input);
        if (!Modifier.isStatic(process.getModifiers()) && AnswerForm.of(process) != null) {
          return process;
        }
      } catch (NoSuchMethodException error) {
        // the other form is tried, or the error is reported below
      }
    }
    String wanted = "\"public byte[] Process(byte[] input)\" (String is accepted in both places)";
    String batches =
        batchProcessOf(type) == null
            ? ""
            : ", which takes batches, and no request that runs by itself";
    String found = methods(type, "Process") + batches + laterHint(type);
    throw invalid(type, "has no method " + wanted + "; it has " + found);
  }

  /** What to return instead, if there is a Process that seems to be meant to answer later. */
  private static String laterHint(Class<?> type) {
    for (Method method : type.getMethods()) {
      Class<?> returned = method.getReturnType();
      boolean plain =
          returned.isArray() || returned.isPrimitive() || returned == String.class;
      if (method.getName().equals("Process") && !plain) {
        return "; an answer that comes later is a CompletableFuture<byte[]>, and one in parts a"
            + " Flow.Publisher<byte[]>, an InputStream or an Iterator<byte[]>";
      }
    }
    return "";
  }

  private static Method batchProcessOf(Class<?> type) {
    try {
      Method process = type.getMethod("Process", byte[][].class);
      boolean fits =
          process.getReturnType() == byte[][].class && !Modifier.isStatic(process.getModifiers());
      return fits ? process : null;
    } catch (NoSuchMethodException error) {
      return null;
    }
  }

  Class<?> type() {
    return type;
  }

  /** Runs the static initialisers and the constructor. */
  Object construct(String modelEntry, String modelConfig) throws Throwable {
    return handle(constructor).invoke(modelEntry, modelConfig);
  }

  /** Runs {@code Load}. */
  void load(Object instance) throws Throwable {
    handle(load).invoke(instance);
  }

  /** The processor that {@code instance} is: both forms of its {@code Process}. */
  Processor bind(Object instance) {
    MethodHandle single = handle(process).bindTo(instance);
    AnswerForm form = AnswerForm.of(process);
    if (form != AnswerForm.AT_ONCE) {
      String what = name(process) + " returns " + returned(process);
      return new Processor(new LaterInvoker(single, form, name(process)), what);
    }
    Invoker invoker = new Invoker(single, name(process));
    if (batchProcess == null) {
      String wanted = "\"public byte[][] Process(byte[][] inputs)\"";
      String missing = type.getName() + " has no method " + wanted;
      return new Processor(invoker, null, missing + "; it has " + methods(type, "Process"));
    }
    String name = name(batchProcess) + "(byte[][])";
    MethodHandle bound = handle(batchProcess).bindTo(instance);
    return new Processor(invoker, new BatchInvoker(bound, name), "");
  }

  private static String name(Method method) {
    return method.getDeclaringClass().getName() + "." + method.getName();
  }

  /** A method handle, because it throws what the user's code throws; reflection would wrap that. */
  private static MethodHandle handle(Executable member) {
    // A public method may be inherited from a class that is not public.
    member.setAccessible(true);
    MethodHandles.Lookup lookup = MethodHandles.lookup();
    try {
      return member instanceof Method
          ? lookup
              .unreflect((Method) member)
              .asFixedArity() // Process(byte... input) takes a byte[], too
          : lookup.unreflectConstructor((Constructor<?>) member);
    } catch (IllegalAccessException error) {
      throw new AssertionError("it was made accessible", error);
    }
  }

  private static LoadException invalid(Class<?> type, String text) {
    return LoadException.invalid(type.getName() + " " + text);
  }

  /** The methods of that name, ignoring case, with any visibility. */
  private static String methods(Class<?> type, String name) {
    Stream<Method> all =
        Stream.concat(Arrays.stream(type.getMethods()), Arrays.stream(type.getDeclaredMethods()));
    return list(all.filter(method -> method.getName().equalsIgnoreCase(name)));
  }

  private static String list(Stream<? extends Executable> members) {
    String text =
        members
            .map(ProcessorSignature::describe)
            .distinct()
            .sorted()
            .collect(Collectors.joining(", "));
    return text.isEmpty() ? "none" : text;
  }

  private static String describe(Executable member) {
    String parameters =
        Arrays.stream(member.getParameterTypes())
            .map(Class::getSimpleName)
            .collect(Collectors.joining(", ", "(", ")"));
    String modifiers =
        Modifier.toString(
            member.getModifiers() & (Modifier.methodModifiers() & ~Modifier.SYNCHRONIZED));
    String head = modifiers.isEmpty() ? "" : modifiers + " ";
    if (member instanceof Method) {
      return head
          + returned((Method) member)
          + " "
          + member.getName()
          + parameters;
    }
    return head + member.getDeclaringClass().getSimpleName() + parameters;
  }

  /** The type that {@code method} returns, without packages. */
  private static String returned(Method method) {
    try {
      return method.getGenericReturnType().getTypeName().replaceAll("[\\w$.]*[.$](?=\\w)", "");
    } catch (RuntimeException | LinkageError error) {
      return method.getReturnType().getSimpleName(); // a class in its brackets is missing
    }
  }
}
