package com.example;

import java.util.zip.CRC32;

/** A PNG's: the size stands in its first chunk, and the chunks lead to the last one. */
final class PngHeader extends Header {
  static final byte[] MAGIC = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

  private static final int IHDR = 0x49484452;
  private static final int IHDR_LENGTH = 13;
  private static final int IEND = 0x49454e44;
  private static final int CHUNK_HEAD = 8; // a length and a type
  private static final int CHUNK_TAIL = 4; // a checksum

  /** A bit of the type: the image can be shown without this chunk. */
  private static final int ANCILLARY = 0x20000000;

  private PngHeader(long width, long height) {
    super("png", width, height);
  }

  static PngHeader read(Bytes bytes) throws BadImage {
    int at = MAGIC.length;
    bytes.require(at + CHUNK_HEAD + IHDR_LENGTH + CHUNK_TAIL);
    if (bytes.u32(at) != IHDR_LENGTH || bytes.u32(at + 4) != IHDR) {
      throw BadImage.broken("the PNG does not begin with its header, IHDR");
    }
    return new PngHeader(bytes.u32(at + CHUNK_HEAD), bytes.u32(at + CHUNK_HEAD + 4));
  }

  /** Walks the chunks to IEND, and checks what Java's decoder does not: their checksums. */
  @Override
  void requireComplete(byte[] data) throws BadImage {
    Bytes bytes = new Bytes(data);
    int at = MAGIC.length;
    long type;
    do {
      long length = bytes.u32(at);
      bytes.require(at + CHUNK_HEAD + length + CHUNK_TAIL); // so it is an int
      type = bytes.u32(at + 4);
      int end = at + CHUNK_HEAD + (int) length;
      if ((type & ANCILLARY) == 0 && bytes.u32(end) != checksum(data, at + 4, end)) {
        throw BadImage.broken("the checksum of the chunk at byte " + at + " is wrong");
      }
      at = end + CHUNK_TAIL;
    } while (type != IEND);
  }

  private static long checksum(byte[] data, int begin, int end) {
    CRC32 crc = new CRC32();
    crc.update(data, begin, end - begin);
    return crc.getValue();
  }
}
