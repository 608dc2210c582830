/** The library of UsesLibrary; no processor. */
public class LibraryPart {
  static String says() {
    return "from the library";
  }
}
