/*
 * The C ABI of an EAS processor.
 *
 * A processor is a shared object (.so) that exports two C functions, initialize and process; three more,
 * batch_process, async_process and eas_async_cancel, are optional. Include this header in the source that
 * defines them: it gives them C linkage and default visibility, and the compiler checks their types.
 *
 *   g++ -shared -fPIC -O2 -I.../include -o libecho.so echo.cc
 *
 * Life cycle, in each worker process:
 *
 *   1. The shared object is loaded. The working directory is the folder of the shared object, so that a
 *      library linked with -Wl,-rpath=. is found beside it.
 *   2. initialize() is called once. No request is accepted before it has returned.
 *   3. process() is called for each request, by several threads at once; or, with --batching or
 *      metadata.rpc.batching, batch_process() for several. If async_process() is exported, it is called
 *      instead of both.
 *   4. The process ends. There is no function for that: the system takes everything back.
 *
 * Conventions
 *
 *   (1) Strings are UTF-8, end with a NUL byte and are never NULL; what was not configured is "".
 *   (2) Data is a pointer and a size in bytes. It is binary: a NUL byte has no meaning in it.
 *   (3) Sizes are int, as the ABI has always had them, so no input and no output exceeds INT_MAX bytes.
 *   (4) Memory that goes to the host is allocated with malloc, calloc, realloc, strdup or their like, and
 *       released by the host with free. Memory allocated with new must not be passed.
 *   (5) A C++ exception that leaves one of these functions ends the call, not the process; see each function.
 *   (6) What is written to stdout and stderr appears in the service's log.
 *   (7) Signals: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS and SIGTRAP are handled by the host, to
 *       report a crash. A crash ends the worker process; its request is answered with 500, and a new worker
 *       takes over.
 *   (8) exit() must not be called. In process() it is treated like a crash.
 *
 * The tag in brackets below each function says which threads call it.
 */
#ifndef EAS_PROCESSOR_H_
#define EAS_PROCESSOR_H_

#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define EAS_EXPORT __attribute__((visibility("default")))
#else
#define EAS_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Loads the model.
 *
 * model_entry:  the model's file or folder as an absolute path, or "".
 * model_config: any text, often JSON, or "".
 *               Both strings belong to the host and are valid until the function returns.
 * state:        receives the verdict. 0 = the processor can serve. Any other value = it cannot, and the host
 *               reports the value and stops. It is not 0 before the call, so it must be set in any case. It
 *               belongs to the host and is valid until the function returns.
 *
 * Returns the model, which the host passes to each call of process and does not look into. NULL is a valid
 * model if *state is 0. It belongs to the processor, must stay valid until the process ends and is never
 * freed by the host.
 *
 * An exception that leaves it is a failure to load; its type, message and stack are reported.
 *
 * [main thread, once per process, before any call of process]
 */
EAS_EXPORT void* initialize(const char* model_entry, const char* model_config, int* state);

/*
 * Answers one request.
 *
 * model_buf:   what initialize returned.
 * input_data:  the request's body; never NULL, also when input_size is 0. It belongs to the host and is valid
 *              until the function returns. The bytes are a copy of this call's own, so a processor that casts
 *              the const away spoils nothing. In this host a NUL byte follows the last byte; others do not
 *              promise that.
 * input_size:  0 or more. It is 0 for a request without a body, such as a GET.
 * output_data: receives the answer's body, allocated as convention (4) says. It is NULL before the call and
 *              may stay so if *output_size is 0. It passes into the ownership of the host when the function
 *              returns, whatever it returns, and is freed exactly once. After an exception the host does not
 *              touch it. A pointer that cannot be freed (a literal, a local variable, the middle of a block,
 *              freed memory) is answered with 500 and a line that says what it is.
 * output_size: receives the size of the answer. It is 0 before the call. It may be larger than the input, up
 *              to the host's --max-output; a larger one is answered with 500. So is a negative size, a size
 *              above 0 without data, or one that is larger than the block at *output_data.
 *              Both out pointers belong to the host and are valid until the function returns.
 *
 * Returns the status of the answer: 0 or 200 for success; any registered final HTTP status (200 to 599), or
 * EAS's 450, is passed to the client as it is; every other value becomes 400. The output is the answer's body
 * in all of these cases.
 *
 * An exception that leaves it is answered with 400; the body is what() of a std::exception, or names the type
 * of anything else. Its stack is written to the log.
 *
 * [any worker thread, concurrent calls with the same model_buf; one thread makes one call at a time]
 */
EAS_EXPORT int process(void* model_buf, const void* input_data, int input_size, void** output_data,
                       int* output_size);

/*
 * Answers several requests. Optional: it is called if the processor exports it and batching is on
 * (--batching, metadata.rpc.batching).
 *
 * model_buf:   what initialize returned.
 * input_data:  the bodies, as many pointers as there are requests, and NULL behind the last one. What process
 *              says of one input holds for each.
 * input_size:  their sizes.
 * output_data: receives the body of each answer, each in a block of its own. What process says of one output
 *              holds for each: all are NULL before the call.
 * output_size: receives their sizes, which are 0 before the call.
 *              The four arrays belong to the host and are valid until the function returns.
 *
 * Returns 0 or 200 if all requests are answered. Any other status, and an exception, is a failure of the
 * call: if there are several requests, nothing that it has put out is used, and each of them runs again by
 * itself, in process, so that one bad input costs one answer. With a single request it is answered as in
 * process. After a crash, too, each of them runs by itself.
 *
 * [any worker thread, concurrent calls with the same model_buf; one thread makes one call at a time]
 */
EAS_EXPORT int batch_process(void* model_buf, const void* input_data[], int* input_size, void* output_data[],
                             int* output_size);

/*
 * Receives an answer, or a part of one, from a processor that has async_process.
 *
 * output:      the bytes; may be NULL if output_size is 0. They belong to the processor: the host copies them
 *              before it returns, and never frees them. So a local variable or the input will do, and what
 *              was allocated is for the processor to free, or to use again.
 * output_size: 0 or more, up to the host's --max-output; a larger one is answered with 500. So is a negative
 *              size, or one above 0 without bytes. Parts may have any size.
 * request_id:  the number that async_process was given.
 * finished:    0: this is a part of the answer, and more will follow. Else: this is all of it, or its last
 *              part. After that the request_id means nothing any more, and is never given to another request.
 * error_code:  the status of the answer, as the value that process returns. Of an answer in parts the first
 *              one counts. If it is not 0 or 200 with the last part of several, the answer could not be
 *              completed: the client, which has the status of the first part, sees its connection cut.
 *
 * It may be called before async_process has returned or after, late, and from several threads at once: the
 * parts of one answer follow one another in the order of the calls, and are never mixed. A call for a
 * request that has had its last answer, or never was one, does nothing but a line in the log.
 *
 * It returns at once, but for a part for which there is no room, because the client reads slowly: then when
 * there is, or the client has left, or the host ends. So a thread that calls it waits for a slow client; give
 * slow streams threads of their own.
 *
 * [any thread]
 */
typedef void (*DoneCallback)(const char* output, int output_size, int64_t request_id, int finished,
                             int error_code);

/*
 * Begins to answer one request. Optional: if the processor exports it, it is called for each request, instead
 * of process and batch_process; process must be there nevertheless. It should return soon, and the answer
 * comes by calls of `done`, whenever and on whichever thread it is ready. Up to --max-in-flight requests are
 * under way at once in a worker process.
 *
 * model_buf:   what initialize returned.
 * input_data:  the request's body, as in process, but valid until the last call of `done` for it begins, or
 *              until this function throws. It stays valid, too, while the answer is late and nobody waits for
 *              it any more; a request without a last call of `done` keeps it, and its place among those of
 *              --max-in-flight, until its worker process ends.
 * input_size:  0 or more.
 * request_id:  the request's number, for `done`. Different for each call in this process.
 * done:        the same function in each call. It is valid until the process ends.
 *
 * A request that is not answered in time is answered with 408, as with process.
 *
 * An exception that leaves it is answered with 400, as in process, unless the request has its last answer;
 * later calls of `done` for it are ignored.
 *
 * [any worker thread, concurrent calls with the same model_buf]
 */
EAS_EXPORT void async_process(void* model_buf, const void* input_data, int input_size, int64_t request_id,
                              DoneCallback done);

/*
 * Learns that nobody waits for an answer any more: its client has left, or its time is over. Optional, for a
 * processor with async_process, and of this host: EAS does not call it. The work for that answer may be given
 * up. Its last call of `done` must come nevertheless, with anything in it: that gives back the input and the
 * place of the request.
 *
 * model_buf:  what initialize returned.
 * request_id: the number of a request whose async_process has returned. Its last call of `done` may have come
 *             just before; then there is nothing to do. Each request is told of once at most.
 *
 * It should return soon, since it is called for one request after the other. An exception that leaves it is
 * logged.
 *
 * [a thread of its own, while others make other calls]
 */
EAS_EXPORT void eas_async_cancel(void* model_buf, int64_t request_id);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* EAS_PROCESSOR_H_ */
