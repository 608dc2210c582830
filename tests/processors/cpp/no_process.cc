// Forgot process.
extern "C" void* initialize(const char*, const char*, int* state) { return *state = 0, nullptr; }
