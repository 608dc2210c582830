package com.example;

import com.example.Options.Invert;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** The model's input: 28 x 28 of white ink, 1, on black paper, 0. */
final class Ink {
  /** Less than this between paper and ink is a blank image: noise must not be stretched into a digit. */
  private static final double LEAST_CONTRAST = 16;

  private Ink() {}

  /**
   * Stretches the range from the paper to the brightest ink to 0..1, and lays the region in the middle of nothing.
   *
   * @return a direct buffer, which ONNX Runtime reads in place
   */
  static FloatBuffer of(Region region, Invert invert) {
    double paper = border(region);
    double darkest = 255;
    double brightest = 0;
    for (double value : region.values) {
      darkest = Math.min(darkest, value);
      brightest = Math.max(brightest, value);
    }
    // Not half of 255: paper in dim light is darker than that, and still lighter than its ink.
    boolean lightPaper = paper > (darkest + brightest) / 2;
    boolean inverted = invert == Invert.YES || invert == Invert.AUTO && lightPaper;
    if (inverted) {
      paper = 255 - paper;
    }
    double contrast = (inverted ? 255 - darkest : brightest) - paper;
    FloatBuffer ink = newBuffer();
    if (contrast < LEAST_CONTRAST) {
      return ink;
    }
    int top = (Region.SIDE - region.height) / 2;
    int left = (Region.SIDE - region.width) / 2;
    for (int y = 0; y < region.height; y++) {
      for (int x = 0; x < region.width; x++) {
        double value = region.values[y * region.width + x];
        double stretched = ((inverted ? 255 - value : value) - paper) / contrast;
        ink.put((top + y) * Region.SIDE + left + x, (float) Math.max(0, Math.min(1, stretched)));
      }
    }
    return ink;
  }

  /** The mean of the outermost ring. */
  private static double border(Region region) {
    double sum = 0;
    int count = 0;
    for (int y = 0; y < region.height; y++) {
      boolean edge = y == 0 || y == region.height - 1;
      for (int x = 0; x < region.width; x++) {
        if (edge || x == 0 || x == region.width - 1) {
          sum += region.values[y * region.width + x];
          count++;
        }
      }
    }
    return sum / count;
  }

  private static FloatBuffer newBuffer() {
    return ByteBuffer.allocateDirect(Region.SIDE * Region.SIDE * Float.BYTES)
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer();
  }
}
