/*
 * To be preloaded: has one start of a thread fail, at the moment that a test needs. `fail_the_second()` means the
 * second one of the calling thread, which fails once `call_has_begun()`, on the first, or after a second.
 *
 * And no thread can exit by itself: so it is in the C library where memory or descriptors are used up.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

static _Thread_local int to_go;
static sem_t begun;

// A second at most: where all threads must be there first, none begins.
static void wait_for_call(void) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 1;
  sem_timedwait(&begun, &end);
}

typedef int create_function(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

void fail_the_second(void) {
  sem_init(&begun, 0, 0);
  to_go = 2;
}

void call_has_begun(void) { sem_post(&begun); }

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
  if (to_go > 0 && --to_go == 0) {
    // Where Python holds its lock here, the first thread needs that to come to its call.
    int (*holds_lock)(void) = dlsym(RTLD_DEFAULT, "PyGILState_Check");
    void* (*let_others)(void) = dlsym(RTLD_DEFAULT, "PyEval_SaveThread");
    void (*go_on)(void*) = dlsym(RTLD_DEFAULT, "PyEval_RestoreThread");
    void* state = holds_lock && holds_lock() ? let_others() : NULL;
    wait_for_call();
    if (state) go_on(state);
    return EAGAIN;
  }
  create_function* real = (create_function*)dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, run, argument);
}

void pthread_exit(void* result) {
  (void)result;
  abort();
}
