package eas.host;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What Python asks of the bridge: a command and its arguments, all of them texts, answered by texts.
 *
 * <p>The first text of an answer is empty, or the kind of an error; then its message and its detail
 * follow. As bytes, each text is its size, as an int, and then UTF-8.
 *
 * <p>The launcher (java/native/launcher.cc) calls this, from any thread.
 */
final class Commands {
  private static final String OK = "";
  private static final String[] NONE = {};

  private static volatile Bridge bridge;

  private Commands() {}

  static byte[] call(byte[] request) throws InterruptedException {
    List<String> words = decode(request);
    List<String> answer = new ArrayList<>();
    answer.add(OK);
    try {
      answer.addAll(Arrays.asList(call(words.get(0), words.subList(1, words.size()))));
    } catch (LoadException error) {
      answer = Arrays.asList(error.kind(), error.getMessage(), error.detail());
    }
    return encode(answer);
  }

  private static String[] call(String command, List<String> arguments)
      throws LoadException, InterruptedException {
    switch (command) {
      case "open":
        open(arguments);
        return NONE;
      case "start":
        bridge.start(Integer.parseInt(arguments.get(0)));
        return NONE;
      case "join":
        bridge.join(Long.parseLong(arguments.get(0)));
        return NONE;
      case "stacks":
        return ThreadStacks.describe();
      case "exit":
        ExitReport.leave(Integer.parseInt(arguments.get(0)));
        return NONE;
      default:
        throw new IllegalArgumentException(command);
    }
  }

  private static void open(List<String> arguments) throws LoadException {
    String entry = arguments.get(0);
    String mainClass = arguments.get(1);
    String[] own = paths(arguments.get(2));
    String[] libraries = paths(arguments.get(3));
    bridge = Bridge.open(entry, mainClass, own, libraries, arguments.get(4), arguments.get(5));
    bridge.connect(new NativeRing());
    bridge.setMaxInFlight(Integer.parseInt(arguments.get(6)));
  }

  private static String[] paths(String joined) {
    return joined.isEmpty() ? NONE : joined.split(":");
  }

  private static List<String> decode(byte[] bytes) {
    List<String> texts = new ArrayList<>();
    ByteBuffer rest = ByteBuffer.wrap(bytes);
    while (rest.hasRemaining()) {
      byte[] text = new byte[rest.getInt()];
      rest.get(text);
      texts.add(new String(text, StandardCharsets.UTF_8));
    }
    return texts;
  }

  private static byte[] encode(List<String> texts) {
    List<byte[]> encoded = new ArrayList<>();
    int size = 0;
    for (String text : texts) {
      encoded.add(text.getBytes(StandardCharsets.UTF_8));
      size += Integer.BYTES + encoded.get(encoded.size() - 1).length;
    }
    ByteBuffer bytes = ByteBuffer.allocate(size);
    for (byte[] text : encoded) {
      bytes.putInt(text.length).put(text);
    }
    return bytes.array();
  }
}
