import java.util.concurrent.CompletableFuture;

/** Numbered answers by a future. */
public class NumbersLater {
  public NumbersLater(String modelEntry, String modelConfig) {}

  public void Load() {}

  public CompletableFuture<byte[]> Process(byte[] input) {
    Numbers numbers = new Numbers(input);
    return CompletableFuture.supplyAsync(numbers::rest);
  }
}
