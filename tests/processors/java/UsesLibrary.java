/** Needs the class LibraryPart, which lies in a jar of its own. */
public class UsesLibrary {
  public UsesLibrary(String modelEntry, String modelConfig) {}

  public void Load() {
    LibraryPart.says();
  }

  public byte[] Process(byte[] input) {
    return LibraryPart.says().getBytes();
  }
}
