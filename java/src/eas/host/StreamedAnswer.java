package eas.host;

import java.io.IOException;
import java.io.InputStream;
import java.util.Iterator;

/**
 * An answer whose parts a thread of the worker asks for, one after the other, and sends as they
 * come.
 *
 * <p>If the client reads so slowly that the ring has no room for a part, the call is parked, and
 * the thread takes other requests; the one that finds room again goes on with it. So the parts may
 * be made on several threads, one after the other. The source is closed at its end, if it fails,
 * or as soon as its next part finds that nobody waits for the answer any more.
 */
final class StreamedAnswer implements ParkedAnswer {
  /** What is read at once: enough for one read to cost more than what the host does with it. */
  private static final int BUFFER = 16 << 10;

  private final OpenCalls calls;
  private final long call = NativeCalls.current();
  private final AutoCloseable source;

  /** Null if the source is an InputStream. */
  private final Iterator<?> iterator;

  private byte[] part;

  /** What of the part is still to be sent. */
  private int from;

  private int end;

  /** Makes an answer to the call that the calling thread holds; {@code source} has the parts. */
  StreamedAnswer(OpenCalls calls, Object source) {
    this.calls = calls;
    if (source instanceof InputStream) {
      part = new byte[BUFFER];
    }
    this.source = source instanceof AutoCloseable ? (AutoCloseable) source : () -> {};
    iterator = source instanceof Iterator ? (Iterator<?>) source : null;
  }

  @Override
  public void goOn() throws Throwable {
    try {
      do {
        int sent = send();
        if (sent == NativeCalls.CLOSED) {
          break;
        }
        from += sent;
        if (from < end) {
          calls.park(call, this); // before another thread can have it
          NativeCalls.park(call, true);
          return;
        }
      } while (next());
    } catch (Throwable error) {
      close();
      throw error;
    }
    NativeCalls.end(call, true);
    close();
  }

  private int send() {
    if (from < end) {
      return NativeCalls.send(call, true, part, from, end - from);
    }
    return NativeCalls.isAbandoned(call) ? NativeCalls.CLOSED : 0;
  }

  /** Asks for the next part; false if there is none. */
  private boolean next() throws IOException {
    from = 0;
    if (iterator == null) {
      end = ((InputStream) source).read(part);
      return end >= 0;
    }
    if (!iterator.hasNext()) {
      return false;
    }
    Object next = iterator.next();
    if (next == null) {
      throw new NullPointerException("the iterator that process returned has null as a part");
    }
    part = calls.bytes(next);
    end = part.length;
    return true;
  }

  private void close() {
    try {
      source.close();
    } catch (Throwable error) {
      ErrorReport thrown = calls.bridge().report(error);
      HostLog.error("to close what process returned threw " + thrown.trace());
    }
  }
}
