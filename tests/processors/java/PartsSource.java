import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
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
  private InputStream pipe;
  private int read = -2; // the byte of the pipe that is the next part

  PartsSource(byte[] input) {
    words = new String(input, StandardCharsets.UTF_8).split("[ :]");
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
          fail("no more parts");
        }
        return true;
      case "exit":
        if (made == number(1)) {
          System.exit(3);
        }
        return true;
      case "closed":
        return made == 0;
      case "gated":
        return pass();
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
      case "gated":
        byte[] one = read == '0' ? new byte[0] : new byte[] {(byte) read};
        read = -2;
        return one;
      case "null":
        return null;
      default:
        return bytes(words[made - 1]);
    }
  }

  @Override
  public void close() {
    CLOSED.incrementAndGet();
    if (words[0].equals("endless")) {
      System.out.println("closed " + words[1]);
    }
    if (words[0].equals("badly")) {
      throw new IllegalStateException("not closed");
    }
  }

  private static void fail(String message) {
    throw new IllegalStateException(message);
  }

  /** Reads the pipe, each byte of which is a part (streams.py); false at its end. */
  private boolean pass() {
    try {
      if (pipe == null) {
        pipe = new FileInputStream(words[1]);
      }
      read = read == -2 ? pipe.read() : read;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    if (read == '!') {
      fail("in the midst");
    }
    if (read == '#') {
      System.exit(3);
    }
    return read >= 0 && read != '~';
  }

  private int number(int word) {
    return Integer.parseInt(words[word]);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
