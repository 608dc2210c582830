import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.Enumeration;

/** Numbered answers by a stream. */
public class NumbersRead {
  public NumbersRead(String modelEntry, String modelConfig) {}

  public void Load() {}

  public InputStream Process(byte[] input) {
    Numbers numbers = new Numbers(input);
    return new SequenceInputStream(
        new Enumeration<InputStream>() {
          @Override
          public boolean hasMoreElements() {
            return numbers.hasNext();
          }

          @Override
          public InputStream nextElement() {
            return new ByteArrayInputStream(numbers.next());
          }
        });
  }
}
