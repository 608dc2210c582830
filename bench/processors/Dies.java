import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;

/** Ends its JVM in the way that the input names; any other input comes back. */
public final class Dies {
  public Dies(String modelEntry, String modelConfig) {}

  public void Load() {}

  public byte[] Process(byte[] input) throws ReflectiveOperationException {
    switch (new String(input, StandardCharsets.ISO_8859_1)) {
      case "System.exit":
        System.exit(3);
        break;
      case "Runtime.halt":
        Runtime.getRuntime().halt(3);
        break;
      case "native crash":
        Field field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        ((sun.misc.Unsafe) field.get(null)).putAddress(16, 1);
        break;
      case "out of memory":
        return new byte[1 << 30];
      default:
    }
    return input;
  }
}
