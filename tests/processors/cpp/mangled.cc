// Forgot extern "C" on process: the symbol is there, under its C++ name.
extern "C" void* initialize(const char*, const char*, int* state) { return *state = 0, nullptr; }
int process(void*, const void*, int, void**, int*) { return 200; }
