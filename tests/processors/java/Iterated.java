import java.util.Iterator;

/** Answers by an iterator over the parts. */
public class Iterated {
  public Iterated(String modelEntry, String modelConfig) {}

  public void Load() {}

  public Iterator<byte[]> Process(byte[] input) {
    return new PartsSource(input);
  }
}
