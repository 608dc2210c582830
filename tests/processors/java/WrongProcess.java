/** Has a Process of a form that nobody can call. */
public class WrongProcess {
  public WrongProcess(String modelEntry, String modelConfig) {}

  public void Load() {}

  public int Process(int input) {
    return input;
  }
}
