package eas.host;

/** What stands in place of an output that is null. The log says once that there was one. */
final class NullOutput {
  private static final byte[] NOTHING = {};

  private final String what;

  private volatile boolean warned;

  /** Takes what has happened, for the log. */
  NullOutput(String what) {
    this.what = what;
  }

  byte[] asEmpty() {
    if (!warned) {
      warned = true;
      HostLog.warn(
          what
              + ", which is answered as an empty body (logged once): throw an exception to answer"
              + " 400, or return new byte[0] or \"\" if nothing is meant");
    }
    return NOTHING;
  }
}
