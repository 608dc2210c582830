/** Has no Process. */
public class NoProcess {
  public NoProcess(String modelEntry, String modelConfig) {}

  public void Load() {}
}
