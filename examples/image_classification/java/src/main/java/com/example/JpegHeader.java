package com.example;

/**
 * A JPEG's: segments, each behind a marker, until the compressed data begin.
 *
 * <p>The segments are walked by their lengths, so that the thumbnail which cameras put into one of them is not taken
 * for the image itself.
 */
final class JpegHeader extends Header {
  static final byte[] MAGIC = {(byte) 0xff, (byte) 0xd8, (byte) 0xff};

  private static final int END = 0xd9;
  private static final int SCAN = 0xda;

  /** Of a JPEG for print. */
  private static final int CMYK = 4;

  private final int components;

  /** Where the segment with the size ends. */
  private final int end;

  private JpegHeader(long width, long height, int components, int end) {
    super("jpeg", width, height);
    this.components = components;
    this.end = end;
  }

  static JpegHeader read(Bytes bytes) throws BadImage {
    int at = nextMarker(bytes, 2);
    while (!isFrame(bytes.u8(at))) {
      if (bytes.u8(at) == SCAN || bytes.u8(at) == END) {
        throw BadImage.broken("the JPEG has no frame header before its data");
      }
      at = nextMarker(bytes, segmentEnd(bytes, at));
    }
    int end = segmentEnd(bytes, at);
    bytes.require(end);
    if (end < at + 9) {
      throw BadImage.broken("the JPEG's frame header is too short");
    }
    // Behind the marker: a length, the precision, the height, the width, the number of components.
    return new JpegHeader(bytes.u16(at + 6), bytes.u16(at + 4), bytes.u8(at + 8), end);
  }

  @Override
  boolean isCmyk() {
    return components == CMYK;
  }

  /** Demands an end-of-image marker behind the beginning of the first scan. */
  @Override
  void requireComplete(byte[] data) throws BadImage {
    Bytes bytes = new Bytes(data);
    boolean inScan = false;
    int at = nextMarker(bytes, end);
    while (!inScan || bytes.u8(at) != END) {
      inScan |= bytes.u8(at) == SCAN;
      at = nextMarker(bytes, segmentEnd(bytes, at));
    }
  }

  /**
   * Where the type of the next marker stands, from {@code at} on. What is none is passed over: a scan's data, in which
   * 0xff is followed by a 0, and stray bytes, which decoders forgive as well.
   */
  private static int nextMarker(Bytes bytes, int at) throws BadImage {
    int next = at;
    while (bytes.u8(next) != 0xff || bytes.u8(next + 1) == 0xff || bytes.u8(next + 1) == 0) {
      next++;
    }
    return next + 1;
  }

  private static int segmentEnd(Bytes bytes, int marker) throws BadImage {
    int type = bytes.u8(marker);
    if (type == 0x01 || type >= 0xd0 && type <= END) { // restarts, the start and the end stand alone
      return marker + 1;
    }
    int length = bytes.u16(marker + 1);
    if (length < 2) { // it counts its own two bytes
      throw BadImage.broken("the JPEG's segment at byte " + (marker - 1) + " has no length");
    }
    return marker + 1 + length;
  }

  /** SOF0 to SOF15, among which are three markers of another kind. */
  private static boolean isFrame(int type) {
    return type >= 0xc0 && type <= 0xcf && type != 0xc4 && type != 0xc8 && type != 0xcc;
  }
}
