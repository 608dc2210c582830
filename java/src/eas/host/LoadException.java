package eas.host;

/**
 * The processor cannot be used. What Python raises for it is named by {@link #kind()}.
 *
 * <p>The message is one line: what is wrong, where, and what to do. The detail, which may be empty,
 * holds what belongs with it but is longer, such as the user's own frames.
 */
public final class LoadException extends Exception {
  private static final long serialVersionUID = 1L;

  /** The load errors of the host, under the names that they have in its {@code errors.py}. */
  enum Kind {
    /** There is no such file or class. */
    EntryNotFound,
    /**
     * It is there, but it is no processor: wrong format, missing constructor, method or library.
     */
    EntryInvalid,
    /** The processor's own code failed while it was loaded. */
    InitializeFailed
  }

  private final Kind kind;
  private final String detail;

  private LoadException(Kind kind, String message, String detail, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.detail = detail;
  }

  static LoadException notFound(String message) {
    return new LoadException(Kind.EntryNotFound, message, "", null);
  }

  static LoadException invalid(String message) {
    return new LoadException(Kind.EntryInvalid, message, "", null);
  }

  static LoadException invalid(String message, Throwable cause) {
    return new LoadException(Kind.EntryInvalid, message, Failure.of(cause).trace(), cause);
  }

  static LoadException failed(String message, Throwable cause) {
    return new LoadException(Kind.InitializeFailed, message, Failure.of(cause).trace(), cause);
  }

  /** The same, said of {@code place}. */
  LoadException at(String place) {
    return new LoadException(kind, place + ": " + getMessage(), detail, getCause());
  }

  /** The name of the class in {@code errors.py}. */
  public String kind() {
    return kind.name();
  }

  /** What is printed above the message; empty if there is nothing more to say. */
  public String detail() {
    return detail;
  }
}
