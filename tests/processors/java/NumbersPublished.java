import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;

/** Numbered answers by a publisher that has threads of its own; it makes parts ahead of their requests. */
public class NumbersPublished {
  private final ExecutorService makers = Executors.newCachedThreadPool();
  private final ExecutorService senders = Executors.newCachedThreadPool();

  public NumbersPublished(String modelEntry, String modelConfig) {}

  public void Load() {}

  public Flow.Publisher<byte[]> Process(byte[] input) {
    Numbers numbers = new Numbers(input);
    return subscriber -> {
      SubmissionPublisher<byte[]> publisher = new SubmissionPublisher<>(senders, 16);
      publisher.subscribe(subscriber);
      makers.execute(() -> publish(numbers, publisher));
    };
  }

  private static void publish(Numbers numbers, SubmissionPublisher<byte[]> publisher) {
    try {
      while (numbers.hasNext() && publisher.hasSubscribers()) {
        publisher.submit(numbers.next());
      }
      publisher.close();
    } catch (IllegalStateException error) {
      publisher.closeExceptionally(error);
    }
  }
}
