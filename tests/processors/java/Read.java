import java.io.InputStream;

/** Answers by a stream, each read of which returns one part at most. */
public class Read {
  public Read(String modelEntry, String modelConfig) {}

  public void Load() {}

  public InputStream Process(byte[] input) {
    return new Parts(new PartsSource(input));
  }

  private static final class Parts extends InputStream {
    private final PartsSource source;
    private byte[] part = {};
    private int from;

    private Parts(PartsSource source) {
      this.source = source;
    }

    @Override
    public int read() {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0];
    }

    @Override
    public int read(byte[] bytes, int offset, int size) {
      while (from == part.length) {
        if (!source.hasNext()) {
          return -1;
        }
        part = source.next();
        from = 0;
      }
      int count = Math.min(size, part.length - from);
      System.arraycopy(part, from, bytes, offset, count);
      from += count;
      return count;
    }

    @Override
    public void close() {
      source.close();
    }
  }
}
