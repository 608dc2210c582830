/*
 * The C ABI of an EAS processor.
 *
 * A processor is a shared object (.so) that exports two C functions, initialize and process; a third one,
 * batch_process, is optional. Include this header in the source that defines them: it gives them C linkage
 * and default visibility, and the compiler checks their types.
 *
 *   g++ -shared -fPIC -O2 -I.../include -o libecho.so echo.cc
 *
 * Life cycle, in each worker process:
 *
 *   1. The shared object is loaded. The working directory is the folder of the shared object, so that a
 *      library linked with -Wl,-rpath=. is found beside it.
 *   2. initialize() is called once. No request is accepted before it has returned.
 *   3. process() is called for each request, by several threads at once; or, with --batching or
 *      metadata.rpc.batching, batch_process() for several.
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

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* EAS_PROCESSOR_H_ */
