package parts;

import java.util.logging.LogRecord;

/** A handler that java.util.logging finds by its name. */
public class Handler extends java.util.logging.Handler {
  public static String last = "nothing";

  @Override
  public void publish(LogRecord record) {
    last = record.getMessage();
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
