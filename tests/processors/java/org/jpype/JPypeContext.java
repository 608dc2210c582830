package org.jpype;

/** A class of a user's with the name of one of JPype's. */
public class JPypeContext {
  public static final String NAME = new String("their JPypeContext");
}
