import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** The parts of an answer that can be told apart byte by byte (support/numbered.py). */
class Numbers implements Iterator<byte[]> {
  private final String number;
  private final int parts;
  private final int size;
  private final String end;
  private int made;
  private boolean whole;

  Numbers(byte[] input) {
    String[] words = new String(input, StandardCharsets.UTF_8).split(" ");
    number = words[1];
    parts = Integer.parseInt(words[2]);
    size = Integer.parseInt(words[3]);
    end = words[4];
    whole = end.equals("whole");
  }

  boolean isWhole() {
    return end.equals("whole");
  }

  /** Ends as the input says, if there are no more parts. */
  @Override
  public boolean hasNext() {
    if (made < parts) {
      return true;
    }
    if (end.equals("fail")) {
      throw new IllegalStateException("failed");
    }
    if (end.equals("die")) {
      Runtime.getRuntime().halt(3);
    }
    return false;
  }

  @Override
  public byte[] next() {
    if (made == parts) {
      throw new NoSuchElementException();
    }
    if (whole) {
      whole = false;
      return rest();
    }
    return part(made++);
  }

  /** All parts that were not made yet, as one. */
  byte[] rest() {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (hasNext()) {
      byte[] part = part(made++);
      all.write(part, 0, part.length);
    }
    return all.toByteArray();
  }

  private byte[] part(int index) {
    byte[] label = (number + "." + index + "." + ProcessHandle.current().pid() + " ").getBytes();
    byte[] part = new byte[size];
    for (int from = 0; from < size; from += label.length) {
      System.arraycopy(label, 0, part, from, Math.min(label.length, size - from));
    }
    return part;
  }
}
