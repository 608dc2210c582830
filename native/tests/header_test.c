/* Compiles as every C and C++ that a processor or a caller may be written in; see `make headers`. */
#include "api.h"
#include "eas/processor.h"

void* initialize(const char* model_entry, const char* model_config, int* state) {
  *state = model_entry == model_config;
  return 0;
}

int process(void* model_buf, const void* input_data, int input_size, void** output_data, int* output_size) {
  (void)model_buf;
  (void)input_data;
  *output_data = 0;
  *output_size = 0;
  return input_size == EAS_RETURNED ? 200 : 400;
}

void async_process(void* model_buf, const void* input_data, int input_size, int64_t request_id,
                   DoneCallback done) {
  (void)model_buf;
  done((const char*)input_data, input_size, request_id, 1, 200);
}
