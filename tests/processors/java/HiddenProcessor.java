/** Looks like a processor but is not public. */
class HiddenProcessor {
  public HiddenProcessor(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) {
    return input;
  }
}
