package wrong;

import java.util.concurrent.CompletableFuture;

/** A future of text is no answer. */
public class AnswersText {
  public AnswersText(String modelEntry, String modelConfig) {}

  public void Load() {}

  public CompletableFuture<String> Process(byte[] input) {
    return CompletableFuture.completedFuture("");
  }
}
