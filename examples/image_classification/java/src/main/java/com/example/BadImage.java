package com.example;

/** An input that is no image, or none that can be classified. The message is for the client that has sent it. */
final class BadImage extends Exception {
  private static final long serialVersionUID = 1;

  BadImage(String message) {
    super(message, null, false, false); // no trace: where it was found says nothing about the image
  }

  /** The bytes end before the image does. */
  static BadImage truncated() {
    return new BadImage("the image is truncated");
  }

  /**
   * It begins as an image, but does not go on as one.
   *
   * @param why the decoder's own words
   */
  static BadImage broken(String why) {
    return new BadImage("the image is broken: " + why);
  }
}
