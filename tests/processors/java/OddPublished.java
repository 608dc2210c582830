import java.nio.charset.StandardCharsets;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Answers by a publisher that does what the input says: most break the rules of Flow. */
public class OddPublished {
  private static final AtomicInteger CANCELLED = new AtomicInteger();
  private static final AtomicInteger OVERLAPS = new AtomicInteger();

  public OddPublished(String modelEntry, String modelConfig) {}

  public void Load() {}

  public Flow.Publisher<byte[]> Process(String input) {
    String[] words = input.split(" ");
    switch (words[0]) {
      case "submission": // sends so many parts from threads of its own
        return submission(Integer.parseInt(words[1]));
      case "silent":
        return with(subscriber -> {});
      case "cancelled":
        return with(
            subscriber -> {
              subscriber.onNext(bytes("" + CANCELLED.get()));
              subscriber.onComplete();
            });
      case "greedy": // sends three parts of that size where one was requested
        return with(
            subscriber -> {
              for (int i = 0; i < 3; i++) {
                subscriber.onNext(new byte[Integer.parseInt(words[1])]);
              }
            });
      case "null-from-a-thread": // which has sent it before its request returns
        return with(
            subscriber -> {
              Thread thread = new Thread(() -> subscriber.onNext(null));
              thread.start();
              join(thread);
            });
      case "overlaps": // of calls of a subscription
        return with(
            subscriber -> {
              subscriber.onNext(bytes("" + OVERLAPS.get()));
              subscriber.onComplete();
            });
      case "null":
        return with(subscriber -> subscriber.onNext(null));
      case "throws":
        return subscriber -> {
          throw new IllegalStateException("nothing is published");
        };
      case "throws-on-request":
        return with(
            subscriber -> {
              throw new IllegalStateException("nothing is published");
            });
      case "completes-twice":
        return with(
            subscriber -> {
              subscriber.onNext(bytes("once"));
              subscriber.onComplete();
              subscriber.onComplete();
              subscriber.onNext(bytes("late"));
              subscriber.onError(new IllegalStateException("late"));
            });
      case "errors-without-subscription":
        return subscriber -> subscriber.onError(new IllegalStateException("nothing is published"));
      case "nothing":
        return with(Flow.Subscriber::onComplete);
      default:
        return null;
    }
  }

  private static Flow.Publisher<byte[]> submission(int count) {
    SubmissionPublisher<byte[]> publisher = new SubmissionPublisher<>();
    Thread thread =
        new Thread(
            () -> {
              while (publisher.getNumberOfSubscribers() == 0) {
                Thread.onSpinWait();
              }
              for (int i = 0; i < count; i++) {
                publisher.submit(bytes(String.format("%09d ", i)));
              }
              publisher.close();
            });
    thread.start();
    return publisher;
  }

  /** A publisher that does {@code first} at the first request. */
  private static Flow.Publisher<byte[]> with(Consumer<Flow.Subscriber<? super byte[]>> first) {
    return subscriber ->
        subscriber.onSubscribe(
            new Flow.Subscription() {
              private final AtomicInteger calls = new AtomicInteger();
              private boolean asked;

              @Override
              public void request(long count) {
                begin();
                if (!asked) {
                  asked = true;
                  first.accept(subscriber);
                }
                calls.decrementAndGet();
              }

              @Override
              public void cancel() {
                begin();
                CANCELLED.incrementAndGet();
                calls.decrementAndGet();
              }

              private void begin() {
                if (calls.getAndIncrement() > 0) {
                  OVERLAPS.incrementAndGet();
                }
              }
            });
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
