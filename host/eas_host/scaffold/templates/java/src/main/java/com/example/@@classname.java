package com.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/**
 * A linear model behind HTTP: the score of {@code 1 2} is {@code bias + weights[0] * 1 + weights[1] * 2}.
 *
 * <p>The service's {@code model_config}, in service.json, has the bias and then the weights: {@code 0.5 2 3}. The host
 * makes one instance, calls {@link #Load} once and then {@link #Process} from several threads at once; no call changes
 * the fields after {@code Load}, so no lock is needed. The capital letters of the method names are EAS's.
 */
public final class @@classname {
  private final String modelConfig;
  private double bias;
  private double[] weights;

  /**
   * Only remembers the configuration.
   *
   * @param modelEntry the model's file or folder, or an empty text; this model has none
   * @param modelConfig the bias and the weights
   */
  public @@classname(String modelEntry, String modelConfig) {
    this.modelConfig = modelConfig;
  }

  /** Loads the model. What is thrown here ends the start of the service. */
  public void Load() {
    double[] numbers = parse(modelConfig);
    if (numbers.length < 2) {
      throw new IllegalArgumentException(
          "model_config must be a bias and at least one weight, such as 0.5 2 3; it is \"" + modelConfig + '"');
    }
    bias = numbers[0];
    weights = Arrays.copyOfRange(numbers, 1, numbers.length);
  }

  /**
   * Answers one request. What is thrown here becomes status 400, with the message as the body.
   *
   * @param input the request's body, which need not be text
   * @return the response's body
   */
  public byte[] Process(byte[] input) {
    double[] values = parse(new String(input, UTF_8));
    if (values.length == 0) {
      throw new IllegalArgumentException("the request is empty; send numbers, such as: 1 2");
    }
    if (values.length != weights.length) {
      throw new IllegalArgumentException("expected " + weights.length + " numbers, got " + values.length);
    }
    return Double.toString(score(values)).getBytes(UTF_8);
  }

  private double score(double[] values) {
    double score = bias;
    for (int i = 0; i < values.length; i++) {
      score += weights[i] * values[i];
    }
    return score;
  }

  /** The numbers in {@code text}, with spaces or commas between them. */
  private static double[] parse(String text) {
    String words = text.replace(',', ' ').strip();
    double[] numbers = new double[0];
    try {
      if (!words.isEmpty()) {
        numbers = Arrays.stream(words.split("\\s+")).mapToDouble(Double::parseDouble).toArray();
      }
    } catch (NumberFormatException error) {
      throw new IllegalArgumentException("expected numbers, such as: 1 2", error);
    }
    if (!Arrays.stream(numbers).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("numbers must be finite");
    }
    return numbers;
  }
}
