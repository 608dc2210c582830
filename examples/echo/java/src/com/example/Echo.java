package com.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Answers with the files of its model and with what it was sent.
 *
 * <p>The host makes one instance, calls {@link #Load} once and then {@link #Process} from several threads at once. The
 * only state is {@link #head}, which no call changes after {@code Load}, so no lock is needed. The capital letters of the
 * method names are EAS's.
 */
public final class Echo {
  // The comma after "inputcontent" is EAS's own: clients that match this text must see the same bytes here.
  private static final String HEAD = "{\"modelfiles\": \"%s\", \"inputcontent\", \"";
  private static final byte[] TAIL = "\"}".getBytes(UTF_8);

  private final String modelEntry;
  private byte[] head;

  /**
   * Only remembers where the model is.
   *
   * @param modelEntry the model's file or folder, or an empty text
   * @param modelConfig free text from the service's configuration; the echo has no use for it
   */
  public Echo(String modelEntry, String modelConfig) {
    this.modelEntry = modelEntry;
  }

  /**
   * Lists the model's files. What is thrown here ends the start of the service.
   *
   * @throws IOException if there is no such model, or it cannot be read
   */
  public void Load() throws IOException {
    head = String.format(HEAD, modelEntry.isEmpty() ? "" : modelFiles(Path.of(modelEntry))).getBytes(UTF_8);
  }

  /**
   * Answers one request. What is thrown here becomes status 400, with the message as the body.
   *
   * @param input the request's body, which need not be text
   * @return the response's body
   */
  public byte[] Process(byte[] input) {
    if (input.length == 0) {
      throw new IllegalArgumentException("input data should not be empty");
    }
    return ByteBuffer.allocate(head.length + input.length + TAIL.length).put(head).put(input).put(TAIL).array();
  }

  /** The model's path; for a folder, followed by the names in it: {@code model,a.bin,b.bin}. */
  private static String modelFiles(Path model) throws IOException {
    if (Files.isRegularFile(model)) {
      return model.toString();
    }
    try (Stream<Path> files = Files.list(model)) { // throws if there is no such folder
      Stream<String> names = files.map(file -> file.getFileName().toString()).sorted();
      return Stream.concat(Stream.of(model.toString()), names).collect(Collectors.joining(","));
    }
  }

  /** Runs the processor without any server: {@code java -jar build/echo.jar [MODEL]}. */
  public static void main(String[] args) throws IOException {
    Echo echo = new Echo(args.length > 0 ? args[0] : "", "");
    echo.Load();
    System.out.println(new String(echo.Process("hello".getBytes(UTF_8)), UTF_8));
  }
}
