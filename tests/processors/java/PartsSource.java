import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicInteger;

/** The parts of an answer, as an input says; and how many sources of them were made and closed. */
class PartsSource implements Iterator<byte[]>, AutoCloseable {
  private static final AtomicInteger OPEN = new AtomicInteger();
  private static final AtomicInteger CLOSED = new AtomicInteger();

  private final String[] words;
  private int made;

  PartsSource(byte[] input) {
    words = new String(input, StandardCharsets.UTF_8).split(" ");
    if (words[0].equals("throw")) {
      throw new IllegalStateException("no source");
    }
    OPEN.incrementAndGet();
  }

  @Override
  public boolean hasNext() {
    switch (words[0]) {
      case "endless":
        return true;
      case "parts":
        return made < number(1);
      case "fail": // after so many parts of this size
        if (made == number(1)) {
          fail();
        }
        return true;
      case "exit":
        if (made == number(1)) {
          System.exit(3);
        }
        return true;
      case "closed":
        return made == 0;
      default: // the words are the parts
        return made < words.length;
    }
  }

  @Override
  public byte[] next() {
    made++;
    switch (words[0]) {
      case "endless":
      case "parts":
      case "fail":
      case "exit":
        byte[] part = new byte[number(2)];
        Arrays.fill(part, (byte) ('a' + made % 26));
        return part;
      case "closed":
        return bytes(CLOSED.get() + "of" + (OPEN.get() - 1));
      case "null":
        return null;
      default:
        return bytes(words[made - 1]);
    }
  }

  @Override
  public void close() {
    CLOSED.incrementAndGet();
    if (words[0].equals("badly")) {
      throw new IllegalStateException("not closed");
    }
  }

  private static void fail() {
    throw new IllegalStateException("no more parts");
  }

  private int number(int word) {
    return Integer.parseInt(words[word]);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
