package com.example;

import javax.imageio.stream.ImageInputStreamImpl;

/** ImageIO's kind of input over an array, which is neither copied nor written to a file. */
final class ArrayInput extends ImageInputStreamImpl {
  private final byte[] data;

  ArrayInput(byte[] data) {
    this.data = data;
  }

  @Override
  public int read() {
    bitOffset = 0;
    return streamPos < data.length ? data[(int) streamPos++] & 0xff : -1;
  }

  @Override
  public int read(byte[] target, int offset, int length) {
    bitOffset = 0;
    if (length == 0) {
      return 0;
    }
    int count = (int) Math.min(length, data.length - streamPos);
    if (count <= 0) {
      return -1;
    }
    System.arraycopy(data, (int) streamPos, target, offset, count);
    streamPos += count;
    return count;
  }

  @Override
  public long length() {
    return data.length;
  }
}
