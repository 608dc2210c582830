package eas.host;

import java.util.Arrays;
import java.util.Collections;

/** Batches: how the ring is asked for them, and which answers it gets. */
final class BatchTest {
  private static final String MEMBERS =
      Programs.lines(
          "public String Process(String in) {",
          "  if (in.equals(\"bad\")) throw new IllegalStateException(\"bad input\");",
          "  return \"alone \" + in;",
          "}",
          "public byte[][] Process(byte[]... inputs) {",
          "  byte[][] outputs = inputs.clone();",
          "  for (byte[] input : inputs) {",
          "    String in = new String(input);",
          "    if (in.equals(\"bad\")) throw new IllegalStateException(\"bad batch\");",
          "    if (in.equals(\"short\")) outputs = new byte[0][];",
          "  }",
          "  return outputs;",
          "}");

  private final Programs programs = new Programs();

  /** Runs a thread over {@code ring} until it stops. */
  private OneBatch run(OneBatch ring) throws Exception {
    Bridge bridge = programs.openMain(MEMBERS);
    bridge.connect(ring);
    new BatchThread(bridge, ring, 0, ring.maxBatch()).run();
    return ring;
  }

  /** One look at the ring completes the batch and takes the next. */
  void whatIsTakenIsCompletedTogether() throws Exception {
    OneBatch ring = run(new OneBatch("a", "", "c"));
    Check.same(Arrays.asList("a", "", "c"), ring.answers());
    Check.same("open take all take", ring.calls());
  }

  void failedCallRunsAgainOneByOne() throws Exception {
    OneBatch ring = run(new OneBatch("a", "bad", "c"));
    Check.same(Arrays.asList("alone a", "raised: bad input", "alone c"), ring.answers());
    Check.same("open take end one one one take", ring.calls());
    Check.same(Arrays.asList("alone a", "alone short"), run(new OneBatch("a", "short")).answers());
  }

  /** The call is not repeated, unless nobody can tell what it has answered. */
  void batchOfOneRequest() throws Exception {
    Check.same(Arrays.asList("raised: bad batch"), run(new OneBatch("bad")).answers());
    Check.same(Arrays.asList("alone short"), run(new OneBatch("short")).answers());
  }

  void requestThatMustRunAlone() throws Exception {
    OneBatch ring = run(new OneBatch("a").alone());
    Check.same(Arrays.asList("alone a"), ring.answers());
    Check.same("open take one take", ring.calls());
  }

  /** No request is left without an answer, and the thread goes on. */
  void bugOfTheHosts() throws Exception {
    OneBatch ring = run(new OneBatch("a", "bad").failing());
    Check.same(Collections.nCopies(2, "failed"), ring.answers());
    Check.same("open take end one one take", ring.calls());
  }

  /** Nothing is opened, and its requests are not taken as batches. */
  void processorWithoutTheMethod() throws Exception {
    OneBatch ring = new OneBatch("a");
    programs.openMain(Programs.ECHO).connect(ring);
    Check.same("", ring.calls());
  }
}
