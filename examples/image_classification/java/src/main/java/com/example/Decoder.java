package com.example;

import java.io.EOFException;
import java.io.IOException;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;

/**
 * Decodes with the JDK's own readers. Immutable: a request gets a reader of its own.
 *
 * <p>{@code ImageIO.read} would take any reader that it finds on the class path, would guess the format, and would
 * spool the input through a file unless a setting of the whole JVM is changed. So the two readers are taken from the
 * registry by hand, and read from an {@link ArrayInput}.
 */
final class Decoder {
  private final Map<String, ImageReaderSpi> readers = new TreeMap<>();

  Decoder() {
    Iterator<ImageReaderSpi> known = IIORegistry.getDefaultInstance().getServiceProviders(ImageReaderSpi.class, true);
    while (known.hasNext()) {
      ImageReaderSpi reader = known.next();
      if (reader.getClass().getModule().equals(ImageIO.class.getModule())) {
        readers.put(reader.getFormatNames()[0].toLowerCase(Locale.ROOT), reader);
      }
    }
  }

  /**
   * Decodes an image whose header has been found good.
   *
   * @throws BadImage if the reader fails, or sees another size than the header
   */
  Picture decode(byte[] data, Header header) throws BadImage {
    try (ArrayInput input = new ArrayInput(data)) {
      return decode(input, header);
    } catch (IOException | RuntimeException error) { // damaged files make the readers throw both
      throw BadImage.broken(words(error));
    }
  }

  private Picture decode(ArrayInput input, Header header) throws IOException, BadImage {
    ImageReader reader = readers.get(header.format()).createReaderInstance();
    try {
      reader.setInput(input, true, true); // once through, without the metadata
      Header.requireSize(reader.getWidth(0), reader.getHeight(0));
      return header.isCmyk() ? Picture.ofCmyk(reader.readRaster(0, null)) : Picture.of(reader.read(0));
    } finally {
      reader.dispose();
    }
  }

  /** What a reader says; where that is no more than "error", what lies behind it. */
  private static String words(Exception error) {
    Throwable said = error instanceof IIOException && error.getCause() != null ? error.getCause() : error;
    if (said instanceof EOFException) {
      return "its data end too early";
    }
    String message = said.getMessage() == null ? said.getClass().getSimpleName() : said.getMessage();
    return message.lines().findFirst().orElse(message);
  }
}
