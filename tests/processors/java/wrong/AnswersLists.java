package wrong;

import java.util.Iterator;
import java.util.List;

/** A part is an array. */
public class AnswersLists {
  public AnswersLists(String modelEntry, String modelConfig) {}

  public void Load() {}

  public Iterator<? extends List<byte[]>> Process(String input) {
    return null;
  }
}
