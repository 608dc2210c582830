package eas.host;

import java.io.InputStream;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.util.Iterator;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** How Process answers, by the type that it returns. */
enum AnswerForm {
  /** By returning the answer. */
  AT_ONCE,
  /** By a {@code CompletionStage<byte[]>}, such as a CompletableFuture, which has it later. */
  LATER,
  /** By a {@code Flow.Publisher<byte[]>}, which sends it part by part. */
  PUBLISHED,
  /** By an InputStream, from which it is read. */
  READ,
  /** By an {@code Iterator<byte[]>} over its parts. */
  ITERATED;

  /** The form of {@code process}; null if what it returns is no answer. */
  static AnswerForm of(Method process) {
    Class<?> returned = process.getReturnType();
    if (returned == byte[].class || returned == String.class || returned == void.class) {
      return AT_ONCE;
    }
    AnswerForm form = ofObject(returned);
    return form == null || form == READ || mayHaveBytes(process) ? form : null;
  }

  private static AnswerForm ofObject(Class<?> returned) {
    if (CompletionStage.class.isAssignableFrom(returned)) {
      return LATER;
    }
    if (Flow.Publisher.class.isAssignableFrom(returned)) {
      return PUBLISHED;
    }
    if (InputStream.class.isAssignableFrom(returned)) {
      return READ;
    }
    return Iterator.class.isAssignableFrom(returned) ? ITERATED : null;
  }

  /**
   * Whether the object that {@code process} returns may have byte arrays in it, as far as the type
   * says: not where it is {@code CompletableFuture<String>}.
   */
  private static boolean mayHaveBytes(Method process) {
    Type type;
    try {
      type = process.getGenericReturnType();
    } catch (RuntimeException | LinkageError error) {
      return true; // a class in the brackets is missing: what comes is looked at
    }
    boolean own = !process.getReturnType().getName().startsWith("java.");
    if (own || !(type instanceof ParameterizedType)) {
      return true; // in the brackets of a class of the processor's own are types of any meaning
    }
    Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
    if (arguments.length != 1) {
      return true; // Flow.Processor
    }
    Type argument = arguments[0];
    if (argument instanceof WildcardType) {
      argument = ((WildcardType) argument).getUpperBounds()[0];
    }
    if (argument instanceof GenericArrayType || argument instanceof ParameterizedType) {
      return false;
    }
    return !(argument instanceof Class) || ((Class<?>) argument).isAssignableFrom(byte[].class);
  }
}
