/* The first process of a pod's sandbox: it holds the namespaces, and waits to be ended. */

#include <signal.h>
#include <unistd.h>

static void end(int signal_number) {
  (void)signal_number;
  _exit(0);
}

int main(void) {
  signal(SIGTERM, end);
  signal(SIGINT, end);
  signal(SIGCHLD, SIG_IGN); /* so that no orphan stays a zombie */
  for (;;) pause();
}
