package com.example;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * The model, in ONNX Runtime.
 *
 * <p>Immutable: a session may be run by several threads at once, so all requests share one. It gets no threads of its
 * own: the host runs several requests at once, which is what keeps all cores busy; pools beside them would only take
 * the cores away. It lives as long as the process, so nobody closes it; what a request makes is closed with it.
 */
final class Classifier {
  private static final String FILE = "mnist.onnx";
  private static final String INPUT = "image";
  private static final String OUTPUT = "scores";
  private static final long[] INPUT_SHAPE = {1, 1, Region.SIDE, Region.SIDE};
  private static final long[] OUTPUT_SHAPE = {1, Answer.CLASSES};

  private final OrtEnvironment environment;
  private final OrtSession session;

  private Classifier(OrtEnvironment environment, OrtSession session) {
    this.environment = environment;
    this.session = session;
  }

  /**
   * Loads a model.
   *
   * @param entry the ONNX file, or a folder with {@code mnist.onnx} in it
   * @throws IOException if it is not there, or is no such model; the message begins with the file
   */
  static Classifier load(Path entry) throws IOException {
    Path file = Files.isDirectory(entry) ? entry.resolve(FILE) : entry;
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          file + ": there is no such file; the model entry is an .onnx file, or a folder with " + FILE);
    }
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      OrtSession session = environment.createSession(file.toString(), options);
      try {
        require(file, "input", session.getInputInfo(), INPUT, INPUT_SHAPE);
        require(file, "output", session.getOutputInfo(), OUTPUT, OUTPUT_SHAPE);
      } catch (IOException another) {
        session.close();
        throw another;
      }
      return new Classifier(environment, session);
    } catch (OrtException error) {
      throw new IOException(file + ": it cannot be loaded: " + error.getMessage(), error);
    }
  }

  private static void require(Path file, String what, Map<String, NodeInfo> found, String name, long[] shape)
      throws IOException {
    NodeInfo node = found.get(name);
    boolean good =
        found.size() == 1
            && node != null
            && node.getInfo() instanceof TensorInfo
            && Arrays.equals(((TensorInfo) node.getInfo()).getShape(), shape);
    if (!good) {
      String expected = name + " " + Arrays.toString(shape);
      throw new IOException(
          file + ": another model: its " + what + " is " + found.values() + "; expected " + expected);
    }
  }

  /**
   * Runs the model once.
   *
   * @param ink a direct buffer of 28 x 28
   * @return the probability of each class
   */
  float[] scores(FloatBuffer ink) throws OrtException {
    try (OnnxTensor image = OnnxTensor.createTensor(environment, ink, INPUT_SHAPE);
        OrtSession.Result result = session.run(Map.of(INPUT, image))) {
      float[] scores = new float[Answer.CLASSES];
      ((OnnxTensor) result.get(0)).getFloatBuffer().get(scores);
      return scores;
    }
  }
}
