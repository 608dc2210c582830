/*
 * To be preloaded: has one start of a thread fail, at the moment that a test needs. `fail_the_second()` means the
 * second one of the calling thread, which fails once `call_has_begun()`, on the first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

static _Thread_local int to_go;
static sem_t begun;

typedef int create_function(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

void fail_the_second(void) {
  sem_init(&begun, 0, 0);
  to_go = 2;
}

void call_has_begun(void) { sem_post(&begun); }

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
  if (to_go > 0 && --to_go == 0) {
    // Python holds its lock here, which the first thread needs to come to its call.
    void* (*let_others)(void) = dlsym(RTLD_DEFAULT, "PyEval_SaveThread");
    void (*go_on)(void*) = dlsym(RTLD_DEFAULT, "PyEval_RestoreThread");
    void* state = let_others();
    sem_wait(&begun);
    go_on(state);
    return EAGAIN;
  }
  create_function* real = (create_function*)dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, run, argument);
}
