package wrong;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/** Nobody can be told when a plain Future has its value. */
public class AnswersByFuture {
  public AnswersByFuture(String modelEntry, String modelConfig) {}

  public void Load() {}

  public Future<byte[]> Process(byte[] input) {
    return CompletableFuture.completedFuture(input);
  }
}
