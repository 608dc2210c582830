package eas.host;

/** A class of a user's with the name of one of the host's. */
public class Bridge {
  public static final String NAME = new String("their bridge");
}
