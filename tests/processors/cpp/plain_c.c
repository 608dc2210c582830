/* A processor in C, as the vendor's documentation shows it. */
#include <eas/processor.h>
#include <stdlib.h>
#include <string.h>

void* initialize(const char* model_entry, const char* model_config, int* state) {
  (void)model_entry;
  (void)model_config;
  *state = 0;
  return strdup("model");
}

int process(void* model_buf, const void* input_data, int input_size, void** output_data, int* output_size) {
  (void)input_data;
  (void)input_size;
  *output_data = strdup((const char*)model_buf);
  *output_size = (int)strlen((const char*)model_buf);
  return 200;
}
