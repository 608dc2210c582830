package com.example;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The answer: <code>{"class": 7, "scores": [0.000001, ...], "top_k": [{"class": 7, "score": 0.980000}, ...]}</code>.
 *
 * <p>Written by hand, since a JSON library would write 1.0E-6: its form is, to the byte, that of the other languages.
 */
final class Answer {
  static final int CLASSES = 10;

  private static final int MILLION = 1_000_000;

  private Answer() {}

  static byte[] of(float[] scores, int topK) {
    int[] order = order(scores);
    StringBuilder text = new StringBuilder(512); // the longest, with top_k 10, has 500
    text.append("{\"class\": ").append(order[0]).append(", \"scores\": [");
    for (int i = 0; i < CLASSES; i++) {
      appendScore(text.append(i == 0 ? "" : ", "), scores[i]);
    }
    text.append("], \"top_k\": [");
    for (int i = 0; i < topK; i++) {
      text.append(i == 0 ? "" : ", ").append("{\"class\": ").append(order[i]).append(", \"score\": ");
      appendScore(text, scores[order[i]]);
      text.append('}');
    }
    return text.append("]}").toString().getBytes(US_ASCII);
  }

  /** The classes from the most to the least likely; the lower one first where they are the same. */
  private static int[] order(float[] scores) {
    return IntStream.range(0, CLASSES)
        .boxed()
        .sorted(Comparator.comparing((Integer i) -> scores[i]).reversed()) // is stable
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** With six decimals. A float has 24 bits and a million has 20, so a double holds their product exactly. */
  private static void appendScore(StringBuilder text, float score) {
    long millionths = (long) Math.rint((double) score * MILLION);
    String decimals = Long.toString(MILLION + millionths % MILLION);
    text.append(millionths / MILLION).append('.').append(decimals, 1, decimals.length());
  }
}
