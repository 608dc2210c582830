import java.util.Iterator;

/** Numbered answers by an iterator. */
public class NumbersIterated {
  public NumbersIterated(String modelEntry, String modelConfig) {}

  public void Load() {}

  public Iterator<byte[]> Process(byte[] input) {
    return new Numbers(input);
  }
}
