package eas.host;

/** A processor that is loaded: how it is called. */
final class Processor {
  /** Null if {@code later} calls it. */
  final Invoker process;

  /** Calls it if its answers come later than Process returns, or in parts; else null. */
  final LaterInvoker later;

  /** Calls it for several requests at once; null if it has no such method. */
  final BatchInvoker batches;

  /** Why it has none, as a sentence of which it is the end. */
  final String noBatches;

  Processor(Invoker process, BatchInvoker batches, String noBatches) {
    this.process = process;
    later = null;
    this.batches = batches;
    this.noBatches = noBatches;
  }

  /** Makes one that answers later. */
  Processor(LaterInvoker later, String noBatches) {
    process = null;
    this.later = later;
    batches = null;
    this.noBatches = noBatches;
  }
}
