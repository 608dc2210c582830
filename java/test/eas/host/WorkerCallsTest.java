package eas.host;

/** A thread knows the call that has started it, as long as that runs. */
final class WorkerCallsTest {
  private static final int NUMBER = 3;

  private int seen;

  private int starterIn(Thread thread) throws InterruptedException {
    thread.start();
    thread.join();
    return seen;
  }

  private Thread looking() {
    return new Thread(() -> seen = WorkerCalls.starter());
  }

  void threadOfTheCallThatRuns() throws InterruptedException {
    WorkerCalls.enter(NUMBER);
    WorkerCalls.ofThisThread().change();
    Check.same(NUMBER, starterIn(looking()));
    Check.same(WorkerCalls.NOBODY, WorkerCalls.starter());
  }

  void threadOfItsThread() throws InterruptedException {
    WorkerCalls.enter(NUMBER);
    WorkerCalls.ofThisThread().change();
    Thread outer =
        new Thread(
            () -> {
              try {
                starterIn(looking());
              } catch (InterruptedException error) {
                seen = WorkerCalls.NOBODY;
              }
            });
    outer.start();
    outer.join();
    Check.same(NUMBER, seen);
  }

  void threadsOfEarlierCallsAndOfNone() throws InterruptedException {
    WorkerCalls.enter(NUMBER);
    Thread before = looking();
    WorkerCalls.ofThisThread().change();
    Thread during = looking();
    WorkerCalls.ofThisThread().change();
    WorkerCalls.ofThisThread().change();
    Check.same(WorkerCalls.NOBODY, starterIn(before));
    Check.same(WorkerCalls.NOBODY, starterIn(during));
  }
}
