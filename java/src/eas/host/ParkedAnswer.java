package eas.host;

/** An answer in parts that waits until its client has read. */
interface ParkedAnswer {
  /**
   * Goes on with it. The calling thread holds its call; if this throws, the call still is to be
   * completed.
   */
  void goOn() throws Throwable;
}
