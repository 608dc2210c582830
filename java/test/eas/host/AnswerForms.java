package eas.host;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.Serializable;
import java.util.Iterator;
import java.util.List;
import java.util.ListIterator;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.SubmissionPublisher;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * What Process may return, and what not. {@code AnswerForm} judges it by reflection, and `eas-host
 * check` by the class file: both must say the same.
 */
interface AnswerForms {
  /** A class of the processor's own, whose brackets mean something else. */
  class Named<T> extends CompletableFuture<byte[]> {}

  /** One without brackets. */
  class Own extends Named<String> {}

  /** Another way to be one. */
  abstract class Parts implements Comparable<String>, Iterator<byte[]> {}

  /** Answers that come later. */
  interface Later {
    CompletableFuture<byte[]> future();

    CompletionStage<byte[]> stage();

    CompletableFuture<?> any();

    CompletableFuture<? extends byte[]> extending();

    CompletableFuture<? super byte[]> above();

    CompletableFuture<Object> object();

    CompletableFuture<? extends Serializable> serializable();

    <T> CompletableFuture<T> variable();

    @SuppressWarnings("rawtypes")
    CompletableFuture raw();

    Named<String> named();

    Own own();
  }

  /** Answers in parts. */
  interface InParts {
    Flow.Publisher<byte[]> publisher();

    SubmissionPublisher<byte[]> submission();

    Flow.Processor<String, byte[]> processor();

    InputStream stream();

    ByteArrayInputStream bytes();

    Iterator<byte[]> iterator();

    ListIterator<? extends byte[]> list();

    Parts parts();
  }

  /** No answers. */
  interface Wrong {
    Future<byte[]> future();

    CompletableFuture<String> text();

    CompletableFuture<Byte[]> boxes();

    CompletableFuture<byte[][]> arrays();

    CompletableFuture<List<byte[]>> list();

    CompletableFuture<CompletableFuture<byte[]>> nested();

    CompletionStage<Void> nothing();

    CompletableFuture<? extends CharSequence> extending();

    CompletableFuture<Map.Entry<String, byte[]>> entry();

    Flow.Publisher<int[]> numbers();

    Iterator<Byte> each();

    Iterable<byte[]> iterable();

    Stream<byte[]> stream();

    List<byte[]> several();

    Supplier<byte[]> supplier();

    Callable<byte[]> callable();

    Object object();

    <T> T variable();

    int number();
  }
}
