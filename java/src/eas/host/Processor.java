package eas.host;

/** A processor that is loaded: how it is called. */
final class Processor {
  final Invoker process;

  /** Calls it for several requests at once; null if it has no such method. */
  final BatchInvoker batches;

  /** Why it has none, as a sentence of which it is the end. */
  final String noBatches;

  Processor(Invoker process, BatchInvoker batches, String noBatches) {
    this.process = process;
    this.batches = batches;
    this.noBatches = noBatches;
  }
}
