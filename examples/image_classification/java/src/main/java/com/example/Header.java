package com.example;

/**
 * What an image says of itself, read before anything is decoded: its format and its size.
 *
 * <p>A few kilobytes can promise 20,000 x 20,000 pixels, so the size is judged before a decoder takes memory for them.
 * The decoders are no help in telling whether the file is whole: each has its own idea of a truncated one. So the bytes
 * are walked here, by the lengths that the formats give to their parts.
 */
abstract class Header {
  private static final int LEAST_SIDE = 8;

  /** 100 MB as the 4 bytes a pixel that decoders take; five requests at once stay below a gigabyte. */
  private static final int MOST_PIXELS = 25_000_000;

  private final String format;
  private final long width;
  private final long height;

  /**
   * @param format ImageIO's name for it
   * @param width as the file has it, however large
   * @param height likewise
   */
  Header(String format, long width, long height) {
    this.format = format;
    this.width = width;
    this.height = height;
  }

  /**
   * Reads a header.
   *
   * @throws BadImage if the input is neither JPEG nor PNG, or is over before the size is told
   */
  static Header read(byte[] data) throws BadImage {
    Bytes bytes = new Bytes(data);
    if (bytes.startWith(PngHeader.MAGIC)) {
      return PngHeader.read(bytes);
    }
    if (bytes.startWith(JpegHeader.MAGIC)) {
      return JpegHeader.read(bytes);
    }
    throw new BadImage("not an image: expected JPEG or PNG");
  }

  String format() {
    return format;
  }

  /** Whether its samples are amounts of light behind four inks, which ImageIO gives out only as they are. */
  boolean isCmyk() {
    return false;
  }

  /** Demands a size that can be classified, and decoded without harm. */
  final void requireSize() throws BadImage {
    requireSize(width, height);
  }

  /** The same for a size that a decoder has found. */
  static void requireSize(long width, long height) throws BadImage {
    String size = width + "x" + height;
    if (width < LEAST_SIDE || height < LEAST_SIDE) {
      throw new BadImage("the image is too small: " + size + ", at least " + LEAST_SIDE + "x" + LEAST_SIDE);
    }
    if (width > MOST_PIXELS / height) {
      throw new BadImage("the image is too large: " + size + ", at most " + MOST_PIXELS + " pixels");
    }
  }

  /** Demands that the image is there to its end. */
  abstract void requireComplete(byte[] data) throws BadImage;
}
