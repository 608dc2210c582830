package com.example;

import java.util.Arrays;

/** A file's bytes, whose numbers are big-endian. Whoever looks behind their end finds the image truncated. */
final class Bytes {
  private final byte[] data;

  Bytes(byte[] data) {
    this.data = data;
  }

  boolean startWith(byte[] magic) {
    return data.length >= magic.length && Arrays.equals(data, 0, magic.length, magic, 0, magic.length);
  }

  void require(long length) throws BadImage {
    if (length > data.length) {
      throw BadImage.truncated();
    }
  }

  int u8(int at) throws BadImage {
    require(at + 1L);
    return data[at] & 0xff;
  }

  int u16(int at) throws BadImage {
    return u8(at) << 8 | u8(at + 1);
  }

  long u32(int at) throws BadImage {
    return (long) u16(at) << 16 | u16(at + 2);
  }
}
