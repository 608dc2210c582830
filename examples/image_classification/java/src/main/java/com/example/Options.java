package com.example;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.util.Map;

/**
 * The service's {@code model_config}: <code>{"top_k": 3, "invert": "auto"}</code>, both keys optional. Immutable.
 *
 * <p>Anything else is a mistake, told with the key, what was found and what is expected: a misspelt key that is ignored
 * would cost its author hours.
 */
final class Options {
  /** Whether the digit is dark on light paper, and must be inverted to be white ink on black. */
  enum Invert {
    /** Decided for each image by its border. */
    AUTO,
    YES,
    NO
  }

  private static final int MOST = Answer.CLASSES;

  private final int topK;
  private final Invert invert;

  private Options(int topK, Invert invert) {
    this.topK = topK;
    this.invert = invert;
  }

  int topK() {
    return topK;
  }

  Invert invert() {
    return invert;
  }

  /**
   * Reads a {@code model_config}; an empty one asks for the defaults.
   *
   * @throws IllegalArgumentException if it says anything that is not known
   */
  static Options parse(String text) {
    int topK = 3;
    Invert invert = Invert.AUTO;
    for (Map.Entry<String, JsonElement> entry : object(text).entrySet()) {
      switch (entry.getKey()) {
        case "top_k":
          topK = topK(entry.getValue());
          break;
        case "invert":
          invert = invert(entry.getValue());
          break;
        default:
          throw wrong(entry.getKey() + ": there is no such key", "top_k or invert");
      }
    }
    return new Options(topK, invert);
  }

  private static JsonObject object(String text) {
    if (text.isEmpty()) {
      return new JsonObject();
    }
    JsonElement value;
    JsonReader reader = new JsonReader(new StringReader(text));
    reader.setStrictness(Strictness.STRICT);
    try {
      value = JsonParser.parseReader(reader);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw wrong("found more text behind the object", "one JSON object");
      }
    } catch (JsonParseException | IOException error) {
      throw wrong("found " + shortened(text) + ", which is no JSON", "a JSON object, such as {\"top_k\": 3}");
    }
    if (!value.isJsonObject()) {
      throw wrong("found " + shortened(value.toString()), "a JSON object, such as {\"top_k\": 3}");
    }
    return value.getAsJsonObject();
  }

  private static int topK(JsonElement value) {
    // By its text: Gson would read the text "3" and the number 3.7 as a 3, too.
    boolean number = value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
    if (!number || !value.toString().matches("[1-9]|" + MOST)) {
      throw wrong("top_k: found " + shortened(value.toString()), "a whole number from 1 to " + MOST);
    }
    return value.getAsInt();
  }

  private static Invert invert(JsonElement value) {
    switch (value.toString()) {
      case "\"auto\"":
        return Invert.AUTO;
      case "true":
        return Invert.YES;
      case "false":
        return Invert.NO;
      default:
        throw wrong("invert: found " + shortened(value.toString()), "\"auto\", true or false");
    }
  }

  private static IllegalArgumentException wrong(String found, String expected) {
    return new IllegalArgumentException("model_config: " + found + "; expected " + expected);
  }

  private static String shortened(String text) {
    return text.length() <= 80 ? text : text.substring(0, 77) + "...";
  }
}
