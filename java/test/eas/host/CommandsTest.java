package eas.host;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What Python asks for, and what it is answered, as bytes. */
final class CommandsTest {
  private static List<String> call(String... words) throws InterruptedException {
    ByteBuffer request = ByteBuffer.allocate(1024);
    for (String word : words) {
      byte[] text = word.getBytes(StandardCharsets.UTF_8);
      request.putInt(text.length).put(text);
    }
    byte[] bytes = new byte[request.flip().remaining()];
    request.get(bytes);
    ByteBuffer answer = ByteBuffer.wrap(Commands.call(bytes));
    List<String> texts = new ArrayList<>();
    while (answer.hasRemaining()) {
      byte[] text = new byte[answer.getInt()];
      answer.get(text);
      texts.add(new String(text, StandardCharsets.UTF_8));
    }
    return texts;
  }

  void answerWithoutAnError() throws Exception {
    Check.same(List.of(""), call("stacks"));
  }

  void errorHasItsKindAndItsMessage() throws Exception {
    String jar = new Programs().jar("錠 😀.jar", "Main", "public class Main {}").toString();
    List<String> answer = call("open", jar, "Absent", jar, "", "", "");
    Check.same("EntryNotFound", answer.get(0));
    Check.holds(answer.get(1), "錠 😀.jar", "Absent");
    Check.same(3, answer.size());
  }

  void unknownCommand() throws Exception {
    try {
      call("unknown");
    } catch (IllegalArgumentException error) {
      Check.same("unknown", error.getMessage());
      return;
    }
    throw new AssertionError("it was executed");
  }
}
