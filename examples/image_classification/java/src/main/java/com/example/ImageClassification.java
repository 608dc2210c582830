package com.example;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;

/**
 * Tells which digit an image shows: a JPEG or PNG goes in, JSON comes out.
 *
 * <p>The host makes one instance, calls {@link #Load} once and then {@link #Process} from several threads at once. What
 * {@code Load} makes is never changed, and each of these objects may be used by several threads, so there is no lock:
 * all that belongs to one request lives on its own thread. The capital letters of the method names are EAS's.
 */
public final class ImageClassification {
  private final String modelEntry;
  private final String modelConfig;
  private Options options;
  private Decoder decoder;
  private Classifier classifier;

  /**
   * Only remembers what is to be loaded.
   *
   * @param modelEntry the ONNX file, or a folder with {@code mnist.onnx} in it
   * @param modelConfig the {@linkplain Options options} as JSON, or an empty text
   */
  public ImageClassification(String modelEntry, String modelConfig) {
    this.modelEntry = modelEntry;
    this.modelConfig = modelConfig;
  }

  /**
   * Loads the model. What is thrown here ends the start of the service, and its message is shown.
   *
   * @throws IllegalArgumentException if the configuration is wrong; it names the key
   * @throws IOException if the model is not there, broken or another one; it names the file
   */
  public void Load() throws IOException {
    options = Options.parse(modelConfig);
    decoder = new Decoder();
    classifier = Classifier.load(Path.of(modelEntry));
  }

  /**
   * Answers one request. What is thrown here becomes status 400, with the message as the body.
   *
   * @param input the request's body: a JPEG or PNG
   * @return one line of JSON
   * @throws BadImage if the input is no image that can be classified
   */
  public byte[] Process(byte[] input) throws BadImage, OrtException {
    if (input.length == 0) {
      throw new BadImage("input data should not be empty");
    }
    Header header = Header.read(input);
    header.requireSize();
    header.requireComplete(input);
    FloatBuffer ink = Ink.of(Region.of(decoder.decode(input, header)), options.invert());
    return Answer.of(classifier.scores(ink), options.topK());
  }
}
