package eas.host;

/**
 * The processor cannot be used. {@link #kind()} names the exception that Python raises for it.
 *
 * <p>The message is one line: what is wrong, where, and what to do. The detail, which may be empty,
 * has longer text that belongs to it, such as the user's own frames.
 */
final class LoadException extends Exception {
  private static final long serialVersionUID = 1L;

  /** The load errors of the host, with their names in its {@code errors.py}. */
  enum Kind {
    /** There is no such file or class. */
    EntryNotFound,
    /**
     * It exists, but is no processor: wrong format, missing constructor, method or library.
     */
    EntryInvalid,
    /** The processor's own code failed while it was loaded. */
    InitializeFailed,
    /** The system has no room for another thread now. */
    SystemShortage
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
    return new LoadException(Kind.EntryInvalid, message, ErrorReport.of(cause).trace(), cause);
  }

  static LoadException failed(String message, Throwable cause) {
    return new LoadException(Kind.InitializeFailed, message, ErrorReport.of(cause).trace(), cause);
  }

  static LoadException shortage(String message, Throwable cause) {
    return new LoadException(Kind.SystemShortage, message, "", cause);
  }

  /** The same error with {@code place} before the message. */
  LoadException at(String place) {
    return new LoadException(kind, place + ": " + getMessage(), detail, getCause());
  }

  /** The name of the class in {@code errors.py}. */
  String kind() {
    return kind.name();
  }

  /** The text that is printed above the message; may be empty. */
  String detail() {
    return detail;
  }
}
