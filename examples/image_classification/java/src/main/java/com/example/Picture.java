package com.example;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;

/**
 * A decoded image as rows of grey, 0 to 255.
 *
 * <p>The samples are taken from the raster, not through {@code getRGB}: that takes Java's grey for linear light and
 * would brighten it. Rows are made one at a time, so that a large image is not in memory twice.
 */
final class Picture {
  private static final int WHITE = 255;

  private final Raster raster;
  private final int bands;
  private final int shift;

  /** The grey of each entry of a palette; null for an image without one. */
  private final int[] palette;

  private final boolean cmyk;

  private Picture(Raster raster, int[] palette, boolean cmyk) {
    this.raster = raster;
    this.palette = palette;
    this.cmyk = cmyk;
    bands = raster.getNumBands();
    shift = raster.getSampleModel().getSampleSize(0) - 8; // of 16 bits, the high byte
  }

  static Picture of(BufferedImage image) {
    ColorModel colours = image.getColorModel();
    int[] palette = colours instanceof IndexColorModel ? grey((IndexColorModel) colours) : null;
    return new Picture(image.getRaster(), palette, false);
  }

  /**
   * The picture of a JPEG with four inks.
   *
   * @param raster as Adobe's programs write it: 255 is no ink
   */
  static Picture ofCmyk(Raster raster) {
    return new Picture(raster, null, true);
  }

  int width() {
    return raster.getWidth();
  }

  int height() {
    return raster.getHeight();
  }

  /** A buffer that {@link #row} may be given again and again. */
  int[] newRow() {
    return new int[width() * bands];
  }

  /** Puts row {@code y} into the beginning of {@code row}. */
  void row(int y, int[] row) {
    raster.getPixels(0, y, width(), 1, row);
    for (int x = 0; x < width(); x++) {
      row[x] = palette != null ? palette[row[x]] : grey(row, x * bands);
    }
  }

  /** The grey of the pixel whose samples begin at {@code at}: grey, grey and alpha, RGB, RGBA or CMYK. */
  private int grey(int[] samples, int at) {
    int first = samples[at] >> shift;
    switch (bands) {
      case 1:
        return first;
      case 2:
        return overWhite(first, samples[at + 1] >> shift);
      case 3:
        return grey(first, samples[at + 1] >> shift, samples[at + 2] >> shift);
      default:
        int paper = cmyk ? 0 : WHITE; // what shows where black ink, or what is transparent, lets nothing through
        int light = samples[at + 3] >> shift;
        return grey(
            over(paper, first, light),
            over(paper, samples[at + 1] >> shift, light),
            over(paper, samples[at + 2] >> shift, light));
    }
  }

  private static int[] grey(IndexColorModel palette) {
    int[] grey = new int[palette.getMapSize()];
    for (int i = 0; i < grey.length; i++) {
      int alpha = palette.getAlpha(i);
      grey[i] =
          grey(
              overWhite(palette.getRed(i), alpha),
              overWhite(palette.getGreen(i), alpha),
              overWhite(palette.getBlue(i), alpha));
    }
    return grey;
  }

  /** ITU-R BT.601's weights, rounded. */
  private static int grey(int red, int green, int blue) {
    return (299 * red + 587 * green + 114 * blue + 500) / 1000;
  }

  private static int overWhite(int sample, int alpha) {
    return over(WHITE, sample, alpha);
  }

  private static int over(int paper, int sample, int alpha) {
    return (sample * alpha + paper * (WHITE - alpha) + WHITE / 2) / WHITE;
  }
}
