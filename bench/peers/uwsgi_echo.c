// The echo for uWSGI: its request goes to the same library that the C++ row of the host has loaded.

#include <stdlib.h>
#include <string.h>
#include <uwsgi.h>

int process(void* model, const void* input_data, int input_size, void** output_data, int* output_size);

int eas_echo(struct wsgi_request* request) {
  if (uwsgi_parse_vars(request)) return -1;
  const size_t size = request->post_cl;
  char* input = malloc(size + 1);
  size_t have = 0;
  while (have < size) {
    ssize_t got = 0;
    char* part = uwsgi_request_body_read(request, (ssize_t)(size - have), &got);
    if (!part || got <= 0) break;
    memcpy(input + have, part, (size_t)got);
    have += (size_t)got;
  }
  void* output = NULL;
  int output_size = 0;
  process(NULL, input, (int)have, &output, &output_size);
  free(input);
  char length[16];
  const int digits = snprintf(length, sizeof length, "%d", output_size);
  uwsgi_response_prepare_headers(request, "200 OK", 6);
  uwsgi_response_add_header(request, "Content-Type", 12, "application/octet-stream", 24);
  uwsgi_response_add_header(request, "Content-Length", 14, length, (uint16_t)digits);
  uwsgi_response_write_body_do(request, output, (size_t)output_size);
  free(output);
  return UWSGI_OK;
}
