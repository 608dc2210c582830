package eas.host;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;

/**
 * Calls {@code Process}, whichever form it has, with bytes, and returns bytes.
 *
 * <p>When the processor is loaded, conversions are put around the method so that all forms have one
 * type. A call then invokes one method handle of that exact type, without reflection and without a
 * branch.
 *
 * <p>Text is UTF-8. Invalid bytes become U+FFFD, and unpaired surrogates become '?', as in Java's
 * own conversions.
 */
final class Invoker {
  private static final MethodType EXACT = MethodType.methodType(byte[].class, byte[].class);
  private static final byte[] NOTHING = {};

  private final MethodHandle process;
  private final NullOutput nullOutput;

  /**
   * Takes a {@code method} of one argument, with its object already bound, and its {@code name} for
   * messages.
   */
  Invoker(MethodHandle method, String name) {
    nullOutput = new NullOutput(name + " returned null");
    MethodHandle handle = takingBytes(method);
    Class<?> returned = handle.type().returnType();
    if (returned == void.class) {
      handle =
          MethodHandles.filterReturnValue(handle, MethodHandles.constant(byte[].class, NOTHING));
    } else if (returned == String.class) {
      handle =
          MethodHandles.filterReturnValue(handle, helper("encode", byte[].class, String.class));
    }
    process = handle.asType(EXACT);
  }

  /** The {@code method}, with text that it takes made of bytes. */
  static MethodHandle takingBytes(MethodHandle method) {
    return method.type().parameterType(0) == String.class
        ? MethodHandles.filterArguments(method, 0, helper("decode", String.class, byte[].class))
        : method;
  }

  /** Returns what Process returns for {@code input}, or an empty array if that is null. */
  byte[] invoke(byte[] input) throws Throwable {
    byte[] output = (byte[]) process.invokeExact(input);
    return output == null ? nullOutput.asEmpty() : output;
  }

  private static String decode(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static byte[] encode(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  private static MethodHandle helper(String name, Class<?> returned, Class<?> parameter) {
    try {
      return MethodHandles.lookup()
          .findStatic(Invoker.class, name, MethodType.methodType(returned, parameter));
    } catch (ReflectiveOperationException error) {
      throw new AssertionError("it is a few lines above", error);
    }
  }
}
