import java.util.concurrent.Flow;

/** Answers by a publisher, which makes each part where it is requested. */
public class Published {
  public Published(String modelEntry, String modelConfig) {}

  public void Load() {}

  public Flow.Publisher<byte[]> Process(byte[] input) {
    PartsSource source = new PartsSource(input);
    return subscriber -> subscriber.onSubscribe(new Parts(source, subscriber));
  }

  /** As simple as a user may write it: it counts on being called by one thread at a time. */
  private static final class Parts implements Flow.Subscription {
    private final PartsSource source;
    private final Flow.Subscriber<? super byte[]> subscriber;
    private boolean ended;

    private Parts(PartsSource source, Flow.Subscriber<? super byte[]> subscriber) {
      this.source = source;
      this.subscriber = subscriber;
    }

    @Override
    public void request(long count) {
      try {
        for (long i = 0; i < count && !ended && source.hasNext(); i++) {
          subscriber.onNext(source.next());
        }
        if (!ended && !source.hasNext()) {
          end();
          subscriber.onComplete();
        }
      } catch (IllegalStateException error) {
        end();
        subscriber.onError(error);
      }
    }

    @Override
    public void cancel() {
      end();
    }

    private void end() {
      if (!ended) {
        ended = true;
        source.close();
      }
    }
  }
}
