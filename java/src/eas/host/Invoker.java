package eas.host;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;

/**
 * Calls {@code Process}, whatever its form, as bytes to bytes.
 *
 * <p>All forms are made one when the processor is loaded, by putting the conversions around the
 * method. A call is then one method handle of one exact type, without reflection and without a
 * branch.
 *
 * <p>Text is UTF-8. Bytes that are none become U+FFFD, and surrogates without their other half
 * become '?', as Java's own conversions have it.
 */
final class Invoker {
  private static final MethodType EXACT = MethodType.methodType(byte[].class, byte[].class);
  private static final byte[] NOTHING = {};

  private final MethodHandle process;

  /** {@code method} takes one argument; its object is bound already. */
  Invoker(MethodHandle method) {
    MethodHandle handle = method;
    if (handle.type().parameterType(0) == String.class) {
      handle =
          MethodHandles.filterArguments(handle, 0, helper("decode", String.class, byte[].class));
    }
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

  /** What Process returns for {@code input}; empty for null. */
  byte[] invoke(byte[] input) throws Throwable {
    byte[] output = (byte[]) process.invokeExact(input);
    return output == null ? NOTHING : output;
  }

  private static String decode(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static byte[] encode(String text) {
    return text == null ? NOTHING : text.getBytes(StandardCharsets.UTF_8);
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
