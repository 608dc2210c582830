// The same through pybind11, without asking whether Python runs; with AT_ONCE while the library is loaded.
#include <pybind11/embed.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "eas/processor.h"

namespace py = pybind11;

#ifdef AT_ONCE
py::scoped_interpreter interpreter{false};
#endif

void* initialize(const char*, const char*, int* state) {
#ifndef AT_ONCE
  new py::scoped_interpreter(false);
#endif
  auto* function = new py::object(py::module_::import("math").attr("sqrt"));
  PyEval_SaveThread();
  *state = 0;
  return function;
}

int process(void* model, const void* input, int input_size, void** output, int* output_size) {
  const std::string text(static_cast<const char*>(input), input_size);
  const py::gil_scoped_acquire gil;
  const py::object& function = *static_cast<py::object*>(model);
  const std::string answer = std::to_string(function(atof(text.c_str())).cast<double>());
  *output = strdup(answer.c_str());
  *output_size = static_cast<int>(answer.size());
  return 200;
}
