// Answers with the square root that Python's math.sqrt finds. As it is, it does what is right where no Python runs and
// wrong elsewhere; with ASKS it is right everywhere, and with LINKS it needs libpython and never comes to use it.
#include <Python.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "eas/processor.h"

void* initialize(const char*, const char*, int* state) {
  *state = 0;
#ifdef LINKS
  static std::string version = Py_GetVersion();
  return &version;
#else
#ifdef ASKS
  if (!Py_IsInitialized()) {
    Py_InitializeEx(0);
    PyEval_SaveThread();
  }
  const PyGILState_STATE gil = PyGILState_Ensure();
#else
  Py_Initialize();
#endif
  PyObject* math = PyImport_ImportModule("math");
  PyObject* function = PyObject_GetAttrString(math, "sqrt");
#ifdef ASKS
  PyGILState_Release(gil);
#else
  PyEval_SaveThread();
#endif
  return function;
#endif
}

int process(void* model, const void* input, int input_size, void** output, int* output_size) {
#ifdef LINKS
  const std::string answer = *static_cast<std::string*>(model);
#else
  const std::string text(static_cast<const char*>(input), input_size);
  const PyGILState_STATE gil = PyGILState_Ensure();
  PyObject* result = PyObject_CallFunction(static_cast<PyObject*>(model), "d", atof(text.c_str()));
  const std::string answer = std::to_string(PyFloat_AsDouble(result));
  Py_XDECREF(result);
  PyErr_Clear();
  PyGILState_Release(gil);
#endif
  *output = strdup(answer.c_str());
  *output_size = static_cast<int>(answer.size());
  return 200;
}
