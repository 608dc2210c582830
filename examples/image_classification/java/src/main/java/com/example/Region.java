package com.example;

/**
 * An image scaled to fit into 28 x 28, its side ratio kept: each pixel is the area average of its source rectangle.
 * Immutable.
 *
 * <p>Strategy: measured in w-ths of a pixel, W pixels are divided into w parts of W each, and every border of a part or
 * a pixel is a whole number. The same holds for the rows. So the sums are exact, in integers that stay below 255 *
 * 25,000,000 * 28 * 28, and the only rounding is the division at the end.
 */
final class Region {
  static final int SIDE = 28;

  final int width;
  final int height;

  /** Row by row, 0 to 255. */
  final double[] values;

  private Region(int width, int height, double[] values) {
    this.width = width;
    this.height = height;
    this.values = values;
  }

  static Region of(Picture picture) {
    int longer = Math.max(picture.width(), picture.height());
    int width = scaled(picture.width(), longer);
    int height = scaled(picture.height(), longer);
    long[] sums = sums(picture, width, height);
    double area = (double) picture.width() * picture.height();
    double[] values = new double[sums.length];
    for (int i = 0; i < sums.length; i++) {
      values[i] = sums[i] / area;
    }
    return new Region(width, height, values);
  }

  /** side * SIDE / longer, rounded half up, at least 1. */
  private static int scaled(int side, int longer) {
    return Math.max(1, (int) ((2L * side * SIDE + longer) / (2L * longer)));
  }

  private static long[] sums(Picture picture, int width, int height) {
    long[] sums = new long[width * height];
    long[] shrunk = new long[width];
    int[] row = picture.newRow();
    for (int y = 0; y < picture.height(); y++) {
      picture.row(y, row);
      shrink(row, picture.width(), shrunk);
      long begin = (long) y * height; // the row, in height-ths
      long end = begin + height;
      for (long part = begin / picture.height(); part * picture.height() < end; part++) {
        long covered = Math.min(end, (part + 1) * picture.height()) - Math.max(begin, part * picture.height());
        for (int x = 0; x < width; x++) {
          sums[(int) part * width + x] += covered * shrunk[x];
        }
      }
    }
    return sums;
  }

  /** Sums {@code size} pixels up into the parts of {@code target}, in target.length-ths of a pixel. */
  private static void shrink(int[] row, int size, long[] target) {
    int parts = target.length;
    for (int part = 0; part < parts; part++) {
      long begin = (long) part * size;
      long end = begin + size;
      int first = (int) (begin / parts);
      int last = (int) ((end - 1) / parts);
      long sum = 0;
      for (int x = first; x <= last; x++) {
        sum += row[x];
      }
      long before = begin - (long) first * parts; // what of the outer pixels lies outside
      long behind = (last + 1L) * parts - end;
      target[part] = sum * parts - before * row[first] - behind * row[last];
    }
  }
}
