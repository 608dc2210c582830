package eas.host;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;

/** Calls a {@code Process} that returns an object from which its answer comes. */
final class LaterInvoker {
  private static final MethodType EXACT = MethodType.methodType(Object.class, byte[].class);

  private final MethodHandle process;
  private final AnswerForm form;
  private final NullOutput nullOutput;

  /**
   * Takes a {@code method} of one argument, with its object already bound, which answers in this
   * {@code form}; and its {@code name} for messages.
   */
  LaterInvoker(MethodHandle method, AnswerForm form, String name) {
    process = Invoker.takingBytes(method).asType(EXACT);
    this.form = form;
    nullOutput = new NullOutput(name + " returned null");
  }

  /** What Process returns for {@code input}; it may be null. */
  Object invoke(byte[] input) throws Throwable {
    return (Object) process.invokeExact(input);
  }

  AnswerForm form() {
    return form;
  }

  /**
   * Whether no thread has a request after Process has returned, so that more of them may be under
   * way than there are threads.
   */
  boolean detaches() {
    return form == AnswerForm.LATER || form == AnswerForm.PUBLISHED;
  }

  /** The answer that {@code output} is; an empty one if it is null. */
  byte[] bytes(Object output) {
    if (output == null) {
      return nullOutput.asEmpty();
    }
    if (output instanceof byte[]) {
      return (byte[]) output;
    }
    String type = output.getClass().getName();
    throw new ClassCastException("an answer of Process is a byte[], not an object of " + type);
  }
}
